// The frame's few moving parts: the sidebar on narrow screens, menus that close again, and secrets shown while typed.
document.documentElement.classList.add("js");

// htmx tells of a request that a later one has overtaken as if it had failed. What did fail it tells of twice.
const quietly = (element, name, detail) => {
  if (name === "htmx:afterRequest" || name === "htmx:sendAbort") delete detail.error;
};

document.addEventListener("DOMContentLoaded", () => {
  if (window.htmx) htmx.logger = quietly;
  const shell = document.querySelector("[data-shell]");
  const button = document.querySelector("[data-sidebar-button]");

  const setSidebar = (open) => {
    shell.classList.toggle("sidebar-open", open);
    button.setAttribute("aria-expanded", String(open));
    if (open) document.querySelector("#sidebar summary, #sidebar a")?.focus();
  };

  button?.addEventListener("click", () => setSidebar(button.getAttribute("aria-expanded") !== "true"));

  document.addEventListener("click", (event) => {
    if (button?.getAttribute("aria-expanded") === "true" && !event.target.closest("#sidebar, [data-sidebar-button]")) {
      setSidebar(false);
    }
    for (const menu of document.querySelectorAll("details[data-menu][open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = document.querySelector("details[data-menu][open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    } else if (button?.getAttribute("aria-expanded") === "true") {
      setSidebar(false);
      button.focus();
    }
  });
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-reveal]");
  if (!button) return;
  const input = document.getElementById(button.dataset.reveal);
  const shown = input.type === "text";
  input.type = shown ? "password" : "text";
  button.setAttribute("aria-pressed", String(!shown));
});

// What was shown goes out as a password field does, so that no browser keeps it for suggestions.
document.addEventListener("submit", (event) => {
  for (const button of event.target.querySelectorAll('[data-reveal][aria-pressed="true"]')) button.click();
});
