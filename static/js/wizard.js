// The Setup page: shows Data Encryption when it is ticked, keeps Create back until a pair is stored, saves the private
// key as a file, and warns before a page with an unused pair is left. The server checks all of it again.
const setupForm = () => document.querySelector("form[data-setup]");
let leaving = false;

const isReady = (form) => {
  const encrypts = form.elements.encrypts;
  if (!encrypts?.checked) return true;
  return "pending" in form.dataset && form.elements.key_stored?.checked && form.elements.fields.selectedOptions.length > 0;
};

const refresh = () => {
  const form = setupForm();
  if (!form) return;
  const part = form.querySelector("[data-encryption]");
  if (part) part.hidden = !form.elements.encrypts.checked;
  const ready = isReady(form);
  form.querySelector("[data-create]").disabled = !ready;
  form.querySelector("[data-create-hint]").hidden = ready;
};

const saveKey = (button) => {
  const text = document.getElementById(button.dataset.download).textContent;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/x-pem-file" }));
  link.download = button.dataset.filename;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};

document.addEventListener("change", refresh);
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
document.addEventListener("htmx:beforeOnLoad", (event) => {
  leaving = Boolean(event.detail.xhr.getResponseHeader("HX-Redirect"));
});
document.addEventListener("htmx:sendError", () => { leaving = false; });
// "Shown only once" is a 410 and has something to say.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status === 410) event.detail.shouldSwap = true;
});
document.addEventListener("htmx:afterSettle", () => {
  refresh();
  const fault = setupForm()?.querySelector("[aria-invalid=true], .field__errors");
  (fault ?? document.getElementById("private-key"))?.scrollIntoView({ block: "center" });
});
refresh();
