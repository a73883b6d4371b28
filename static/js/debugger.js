// The Source Debugger: pause, search and filter in the page itself, so that what is searched for is sent nowhere.
const root = document.querySelector("[data-debugger]");
const most = Number(root.dataset.most);
let paused = false;

const checked = (name) =>
  new Set([...root.querySelectorAll(`[data-${name}]`)].filter((box) => box.checked).map((box) => box.value));

const show = () => {
  const text = root.querySelector("[data-search]").value.trim().toLowerCase();
  const [types, outcomes] = [checked("type"), checked("outcome")];
  const known = new Set([...root.querySelectorAll("[data-type]")].map((box) => box.value));
  const rows = [...root.querySelectorAll("[data-row]")];
  for (const row of rows.slice(most)) row.remove();
  let shown = 0;
  for (const row of rows.slice(0, most)) {
    const { kind, blocked, text: own } = row.dataset;
    row.hidden = !outcomes.has(blocked) || (known.has(kind) && !types.has(kind)) || !own.includes(text);
    shown += row.hidden ? 0 : 1;
  }
  root.querySelector("[data-nothing]").hidden = shown > 0;
};

const press = (is) => {
  paused = is;
  root.querySelector("[data-live]").setAttribute("aria-pressed", String(!paused));
  root.querySelector("[data-pause]").setAttribute("aria-pressed", String(paused));
  root.querySelector("[data-state]").textContent = paused
    ? "Paused: events still come in, and appear here once you press Live."
    : `Live: new events appear on top. The last ${most} are shown.`;
};

root.querySelector("[data-live]").addEventListener("click", () => press(false));
root.querySelector("[data-pause]").addEventListener("click", () => press(true));
root.addEventListener("input", show);
root.addEventListener("click", (event) => {
  const link = event.target.closest("[data-row] a");
  if (!link) return;
  for (const other of root.querySelectorAll("[data-row] a[aria-current]")) other.removeAttribute("aria-current");
  link.setAttribute("aria-current", "true");
});
document.addEventListener("htmx:beforeRequest", (event) => {
  if (paused && event.detail.elt.id === "debugger-live") event.preventDefault();
});
document.addEventListener("htmx:afterSettle", (event) => {
  show();
  const next = event.detail.target.id === "event" && event.detail.target.querySelector("[data-focus]");
  if (next && !event.detail.target.contains(document.activeElement)) next.focus({ preventScroll: true });
});
show();
