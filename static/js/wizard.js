// The Setup page and the Data Encryption tab, whose Save is the other's Create: shows Data Encryption when it is ticked, keeps Create back until a pair is stored, saves the private
// key as a file, and warns before a page with an unused pair is left. The server checks all of it again.
const setupForm = () => document.querySelector("form[data-setup]");
let leaving = false;
let isUnsaved = false;

const isReady = (form) => {
  const encrypts = form.elements.encrypts;
  if (!encrypts?.checked) return true;
  const hasKey = "pending" in form.dataset ? form.elements.key_stored?.checked : "inForce" in form.dataset;
  return hasKey && form.elements.fields.selectedOptions.length > 0;
};

// Of the three ways to a key pair, only what the chosen one asks for.
const showOrigin = (form) => {
  const origin = form.elements.key_origin?.value;
  for (const part of form.querySelectorAll("[data-origin-part]")) part.hidden = !part.dataset.originPart.split(" ").includes(origin);
};

const refresh = () => {
  const form = setupForm();
  if (!form) return;
  const part = form.querySelector("[data-encryption]");
  if (part) part.hidden = !form.elements.encrypts.checked;
  showOrigin(form);
  const ready = isReady(form);
  for (const button of form.querySelectorAll("[data-create]")) button.disabled = !ready;
  form.querySelector("[data-create-hint]").hidden = ready;
};

// Nobody pressed anything yet: what was typed is kept on the server, sealed, should the session end meanwhile.
const keepAnswers = () => {
  const form = setupForm();
  if (leaving || !form?.dataset.answersUrl) return;
  isUnsaved = false;
  const body = new FormData(form);
  body.delete("public_key"); // it may be a private key, pasted by mistake and not noticed yet
  const options = { method: "POST", body, redirect: "manual", keepalive: true };
  fetch(form.dataset.answersUrl, options).catch(() => { isUnsaved = true; });
};

const saveKey = (button) => {
  const text = document.getElementById(button.dataset.download).textContent;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/x-pem-file" }));
  link.download = button.dataset.filename;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};

// Above the form, which stays as it is: what the server could not do.
const say = (text) => {
  const body = Object.assign(document.createElement("p"), { textContent: text });
  const note = Object.assign(document.createElement("div"), { className: "callout callout--error" });
  note.append(body);
  document.getElementById("key-notice").replaceChildren(note);
  note.scrollIntoView({ block: "center" });
};

// The button that was pressed is gone with the old form: go to the first fault, or to the key just drawn.
const goOn = () => {
  const fault = setupForm().querySelector("[aria-invalid=true]") ?? setupForm().querySelector("[role=alert]:not([hidden])");
  const next = fault ?? document.querySelector("[data-private-key]");
  if (fault?.matches("[role=alert]")) fault.tabIndex = -1;
  if (next?.tomselect) focusChips(next);
  else next?.focus({ preventScroll: true });
  (fault ?? document.getElementById("private-key"))?.scrollIntoView({ block: "center" });
};

document.addEventListener("change", refresh);
for (const name of ["input", "change"]) document.addEventListener(name, () => { isUnsaved = true; });
document.addEventListener("session:warning", keepAnswers); // also where all is saved: an unused pair is kept longer then
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden" && isUnsaved) keepAnswers();
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-download]");
  if (button) saveKey(button);
});

window.addEventListener("beforeunload", (event) => {
  if (!leaving && setupForm() && "pending" in setupForm().dataset) event.preventDefault();
});

// A page left with a key on it must not come back from the browser's memory: the server has dropped the pair by then.
window.addEventListener("pagehide", () => document.querySelector("[data-private-key]")?.remove());
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

document.addEventListener("submit", (event) => {
  if (event.target === setupForm()) leaving = true;
});
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.matches("[data-generate]")) announce("Generating a key pair…");
});
document.addEventListener("htmx:beforeOnLoad", (event) => {
  const { xhr } = event.detail;
  leaving = ["HX-Redirect", "HX-Refresh"].some((name) => xhr.getResponseHeader(name));
});
document.addEventListener("htmx:beforeSwap", (event) => {
  // "Shown only once" is a 410 and has something to say; any other answer overtakes it.
  if (event.detail.xhr.status === 410) event.detail.shouldSwap = true;
  else document.getElementById("key-notice").replaceChildren();
});
document.addEventListener("htmx:responseError", (event) => {
  const { status } = event.detail.xhr;
  if (status === 404) say("This setup is no longer there. It may have been finished in another tab.");
  else if (status !== 410) say("The server could not do this. Try again in a moment.");
});
document.addEventListener("htmx:sendError", () => {
  leaving = false;
  say("The server could not be reached. Try again in a moment.");
});
// htmx has enabled every button again by now.
document.addEventListener("htmx:afterRequest", refresh);
document.addEventListener("htmx:afterSettle", (event) => {
  isUnsaved = false;
  refresh();
  const notice = document.getElementById("key-notice");
  if (notice.contains(event.target)) notice.scrollIntoView({ block: "center" });
  else goOn();
});
refresh();
