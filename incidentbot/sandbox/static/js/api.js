// The sandbox's control API.

export class Refused extends Error {}

/** Fetch JSON. Throws Refused with the sandbox's own words, or why it could not be reached. */
export async function ask(path, method = "GET", body = undefined) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Refused("The sandbox cannot be reached. Is it still running?");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(answer.error || `The sandbox answered ${response.status}.`);
  return answer;
}

/** Do something as a person: `/sandbox/act/{what}`. */
export const act = (what, body) => ask(`/sandbox/act/${what}`, "POST", body);
