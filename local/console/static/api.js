// What the server is asked.

async function answer(response) {
  let body;
  try {
    body = await response.json();
  } catch {
    throw new Error(`HTTP ${response.status}`);
  }
  if (!response.ok) throw new Error(body.message ?? `HTTP ${response.status}`);
  return body;
}

export function query(parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

export const get = async (path, parameters = {}) => answer(await fetch(`/api/${path}${query(parameters)}`));

/** Asks for a change, with the token that only this origin's pages can read. */
export async function post(path, body = {}) {
  const { token } = await get("session");
  const headers = { "Content-Type": "application/json", "X-Console-Token": token };
  return answer(await fetch(`/api/${path}`, { method: "POST", headers, body: JSON.stringify(body) }));
}

export const photo = (user, upload, kind) => `/photo${query({ user, upload, kind })}`;

export const link = (view, parameters = {}) => `#/${view}${query(parameters)}`;
