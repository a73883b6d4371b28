// Ties allauth's WebAuthn functions to our buttons. A button says by data-passkey what it does, and by data-credential
// which hidden field of its form takes the answer; the options stand as JSON in the page.
const { forms } = window.allauth.webauthn;
const ways = {
  create: (ids) => forms.signupForm({ ids: { ...ids, signup: ids.button } }),
  confirm: (ids) => forms.authenticateForm({ ids: { ...ids, authenticate: ids.button } }),
  "sign-in": (ids) => forms.loginForm({ ids: { ...ids, login: ids.button } }),
};
const problems = {
  InvalidStateError: "This device has a passkey of yours already.",
  NotAllowedError: "Nothing was done: the request was cancelled, or took too long. Try again when you are ready.",
  SecurityError: "Passkeys do not work at this address. Open the site by its own name, not by a number.",
};

const say = (text) => {
  const body = Object.assign(document.createElement("p"), { textContent: text });
  const note = Object.assign(document.createElement("div"), { className: "callout callout--error" });
  note.append(body);
  document.querySelector("[data-passkey-problem]")?.replaceChildren(note);
};

document.addEventListener("allauth.error", (event) => {
  event.preventDefault(); // it is said here, not in the console
  say(problems[event.detail.exception?.name] ?? "That did not work. Try again, or use another way.");
});

const isSupported = window.webauthnJSON.supported();
for (const part of document.querySelectorAll("[data-passkeys-only]")) part.hidden = !isSupported;
for (const button of document.querySelectorAll("[data-passkey]")) {
  if (isSupported) {
    ways[button.dataset.passkey]({ button: button.id, credential: button.dataset.credential, data: "passkey-options" });
  } else {
    button.disabled = true;
    say("This browser does not know passkeys, or the site was not opened by https.");
  }
}
