// Times as the person who looks would read them: in their own zone.

import { me } from "./state.js";

const ENGLISH = "en-GB";

function zoned(options) {
  return new Intl.DateTimeFormat(ENGLISH, { ...options, timeZone: me()?.tz || "UTC" });
}

const at = (seconds) => new Date(Number(seconds) * 1000);

export const time = (ts) => zoned({ hour: "2-digit", minute: "2-digit" }).format(at(ts));
export const dayKey = (ts) =>
  zoned({ year: "numeric", month: "2-digit", day: "2-digit" }).format(at(ts));
export const full = (ts) =>
  zoned({ dateStyle: "full", timeStyle: "medium" }).format(at(ts)) + ` (${me()?.tz || "UTC"})`;

/** "Today", "Yesterday", or the date. */
export function day(ts) {
  const now = Date.now() / 1000;
  if (dayKey(ts) === dayKey(now)) return "Today";
  if (dayKey(ts) === dayKey(now - 86400)) return "Yesterday";
  return zoned({ weekday: "long", day: "numeric", month: "long", year: "numeric" }).format(at(ts));
}

function pretty(ts, date) {
  const word = day(ts);
  return word === "Today" || word === "Yesterday" ? word : date;
}

/** Slack's date tokens: `{date_short_pretty} {time}` and so on. */
export function formatted(seconds, format) {
  const ts = Number(seconds);
  const numeric = () => {
    const parts = zoned({ year: "numeric", month: "2-digit", day: "2-digit" }).formatToParts(at(ts));
    const part = (type) => parts.find((one) => one.type === type).value;
    return `${part("year")}-${part("month")}-${part("day")}`;
  };
  const date = (options) => zoned(options).format(at(ts));
  const short = { day: "numeric", month: "short", year: "numeric" };
  const long = { weekday: "long", day: "numeric", month: "long", year: "numeric" };
  const plain = { day: "numeric", month: "long", year: "numeric" };
  const tokens = {
    date_num: numeric,
    date_slash: () => date({ day: "2-digit", month: "2-digit", year: "numeric" }),
    date_short: () => date(short),
    date_short_pretty: () => pretty(ts, date(short)),
    date_long: () => date(long),
    date_long_pretty: () => pretty(ts, date(long)),
    date_pretty: () => pretty(ts, date(plain)),
    date: () => date(plain),
    day_divider_pretty: () => day(ts),
    time: () => time(ts),
    time_secs: () => date({ hour: "2-digit", minute: "2-digit", second: "2-digit" }),
    ago: () => ago(ts),
  };
  return format.replace(/\{(\w+)\}/g, (whole, name) => tokens[name]?.() ?? whole);
}

function ago(ts) {
  const seconds = Math.max(0, Math.round(Date.now() / 1000 - ts));
  const [count, unit] =
    seconds < 60 ? [seconds, "second"] : seconds < 3600 ? [Math.floor(seconds / 60), "minute"]
      : seconds < 86400 ? [Math.floor(seconds / 3600), "hour"]
        : [Math.floor(seconds / 86400), "day"];
  return `${count} ${unit}${count === 1 ? "" : "s"} ago`;
}
