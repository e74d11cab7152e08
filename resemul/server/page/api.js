// Calls of the service. Errors are `Error`s whose message is for a person.

let token = sessionStorage.getItem("token") ?? "";

export function setToken(value) {
  token = value;
  sessionStorage.setItem("token", value);
}

async function call(path, options = {}) {
  const headers = { ...options.headers };
  if (token) headers.authorization = `Bearer ${token}`;
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The service does not answer. Is it still running?");
  }
  if (response.ok) return response;
  let detail = `The service says ${response.status}.`;
  try {
    detail = (await response.json()).detail ?? detail;
  } catch { /* no JSON: the status has to do */ }
  const error = new Error(detail);
  error.status = response.status;
  throw error;
}

export async function fetchModels() {
  return (await call("models")).json();
}

function form(file) {
  const data = new FormData();
  data.append("file", file, file.name);
  return data;
}

export async function startJob(file, models, signal) {
  const query = new URLSearchParams({
    background: "true", timeline: "true", peaks: "true", model: models.join(","),
  });
  const response = await call(`tag?${query}`, { method: "POST", body: form(file), signal });
  return response.json();
}

export async function askForJob(id) {
  const response = await call(`jobs/${encodeURIComponent(id)}`);
  return { isOver: response.status !== 202, content: await response.json() };
}

export async function cancelJob(id) {
  await call(`jobs/${encodeURIComponent(id)}`, { method: "DELETE" });
}
