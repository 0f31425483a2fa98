// The commands the composer knows: `/incident` and its words. Keep in step with `/incident help`.

const STATUSES = ["investigating", "identified", "monitoring"];

/** `choices` complete the word after the sub-command. */
export const WORDS = [
  { word: "declare", usage: "[title]", purpose: "declare an incident" },
  { word: "status", usage: "[investigating|identified|monitoring] <message>", purpose: "post an update, or move the incident on", choices: STATUSES },
  { word: "severity", usage: "P1..P4 [reason]", purpose: "change the severity", choices: ["P1", "P2", "P3", "P4"] },
  { word: "resolved", usage: "[message]", purpose: "resolve the incident" },
  { word: "reopen", usage: "<reason>", purpose: "open it again" },
  { word: "cancel", usage: "<reason>", purpose: "close it as a false alarm" },
  { word: "commander", usage: "@person", purpose: "hand over the command" },
  { word: "takeover", usage: "<reason>", purpose: "take the command when the commander cannot be reached" },
  { word: "note", usage: "<text>", purpose: "add a note to the timeline" },
  { word: "timeline", usage: "", purpose: "what happened so far" },
  { word: "postmortem", usage: "", purpose: "draft the post-mortem, once resolved" },
  { word: "list", usage: "", purpose: "the open incidents" },
  { word: "show", usage: "[INC-n]", purpose: "one incident" },
  { word: "help", usage: "", purpose: "every command" },
];

/** The command and the rest, if the text is one: "/incident  list" is ["/incident", "list"]. */
export function asCommand(text, known) {
  const [, command, rest] = text.match(/^(\/\S+)\s*([\s\S]*)$/) ?? [];
  return command && known.includes(command) ? [command, rest.trim()] : null;
}
