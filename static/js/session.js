// The session rule as people meet it: a warning before the end, a way to stay, and at the end the sign-in page, in every
// tab. The server decides; this script counts down to the moment of asking it and never takes its own clock's word.
const tabs = new BroadcastChannel("session");
const dialog = document.querySelector("[data-session]");
const signInForm = document.querySelector("[data-sign-in]");
const ANNOUNCED_AT = [60, 30, 10]; // seconds

const inWords = (seconds) => {
  const [number, unit] = seconds > 90 ? [Math.round(seconds / 60), "minute"] : [seconds, "second"];
  return `${number} ${unit}${number === 1 ? "" : "s"}`;
};

const watch = () => {
  const { person, leftUrl, signInUrl, warning } = dialog.dataset;
  const find = (name) => dialog.querySelector(`[data-session-${name}]`);
  const stayForm = find("stay");
  let ends; // milliseconds on performance.now's clock
  let asking = false;
  let over = false;
  let toldWhy = ""; // by the tab that was signed out first
  let signingOut = false;
  let understood = false; // that the session reaches its longest time, which nothing can move
  let shown = ""; // which of the two ends the dialog tells of
  let lastSaid = Infinity;

  const left = () => Math.max(0, Math.ceil((Math.min(ends.idle, ends.total) - performance.now()) / 1000));
  const why = () => (ends.idle <= ends.total ? "idle" : "too-old");
  const isCovered = () => document.documentElement.classList.contains("covered");
  const cover = () => document.documentElement.classList.add("covered");
  const uncover = () => document.documentElement.classList.remove("covered");

  const count = () => {
    const seconds = left();
    find("clock").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    const due = ANNOUNCED_AT.filter((at) => seconds <= at && at < lastSaid);
    if (!due.length) return;
    lastSaid = Math.min(...due);
    find("announcer").textContent = `${inWords(seconds)} left`;
  };

  const open = () => {
    dialog.close();
    shown = why();
    for (const part of dialog.querySelectorAll("[data-when]")) part.hidden = part.dataset.when !== shown;
    for (const words of dialog.querySelectorAll("[data-words]")) words.textContent = inWords(left());
    for (const name of ["announcer", "error"]) find(name).textContent = "";
    lastSaid = left();
    dialog.showModal();
    find(shown === "idle" ? "stay" : "go-on").querySelector("button").focus();
    document.dispatchEvent(new Event("session:warning"));
  };

  const show = () => {
    if (left() > Number(warning)) {
      dialog.close();
      return;
    }
    if (dialog.open ? shown !== why() : !understood) open();
    count();
  };

  const learn = ({ idle, total }) => {
    const now = performance.now();
    ends = { idle: idle === null ? Infinity : now + idle * 1000, total: now + total * 1000 };
    show();
  };

  const leave = (where) => {
    const url = new URL(where, location.href);
    const params = url.searchParams;
    if (!params.has("ended")) params.set("ended", toldWhy || (left() ? "elsewhere" : why()));
    over = true;
    cover();
    tabs.postMessage({ over: params.get("ended") });
    location.replace(url);
  };

  const hear = async (answer) => {
    if (answer.status === 401) {
      leave(answer.headers.get("HX-Redirect"));
      return;
    }
    if (!answer.ok) throw new Error(`answered ${answer.status}`);
    const news = await answer.json();
    if (news.person !== person) {
      // Somebody else has signed in: this page is not theirs.
      over = true;
      cover();
      location.reload();
      return;
    }
    uncover();
    tabs.postMessage({ left: news });
    learn(news);
  };

  // As htmx asks, so that the answer to a session that is over is the way to the sign-in page and back here.
  const send = (url, options) => {
    const headers = { "HX-Request": "true", "HX-Current-URL": location.href };
    return fetch(url, { ...options, headers, cache: "no-store", signal: AbortSignal.timeout(5000) });
  };

  const ask = async () => {
    if (asking || over) return;
    asking = true;
    try {
      await hear(await send(leftUrl));
    } catch {
      if (left()) show();
      else leave(`${signInUrl}?${new URLSearchParams({ next: location.pathname + location.search })}`);
    } finally {
      asking = false;
    }
  };

  const stay = async () => {
    find("error").textContent = "";
    try {
      await hear(await send(stayForm.action, { method: "POST", body: new FormData(stayForm) }));
    } catch {
      find("error").textContent = "The server could not be reached. Try again.";
    }
  };

  const goOn = () => {
    understood = true;
    dialog.close();
  };

  // A sleeping machine, or somebody who sets the clock: both move one of the two clocks against the other.
  const offset = () => Date.now() - performance.now();
  let lastOffset = offset();
  const hasSlept = () => {
    const moved = Math.abs(offset() - lastOffset) > 5000;
    lastOffset = offset();
    return moved;
  };

  const look = () => {
    if (!left()) cover();
    const mustWarn = left() <= Number(warning) && !dialog.open && !understood;
    if (hasSlept() || mustWarn || isCovered()) ask();
    else if (dialog.open) count();
  };

  stayForm.addEventListener("submit", (event) => {
    event.preventDefault();
    stay();
  });
  find("sign-out").addEventListener("submit", () => { signingOut = true; });
  find("go-on").addEventListener("click", goOn);
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    if (shown === "idle") stay();
    else goOn();
  });
  tabs.addEventListener("message", ({ data }) => {
    if ("over" in data) toldWhy = data.over;
    if (data.left?.person === person) learn(data.left);
    else ask();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "visible") return;
    if (!left()) cover();
    ask();
  });
  // What a browser keeps of a page that was left stays covered until the server says that it may be seen.
  window.addEventListener("pagehide", cover);
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) ask();
  });
  // At the end nothing may hold the page back by asking whether it should be left: it would stay in sight meanwhile.
  window.addEventListener("beforeunload", (event) => { if (over || signingOut) event.stopImmediatePropagation(); }, true);

  const { idle, total } = dialog.dataset;
  learn({ idle: idle ? Number(idle) : null, total: Number(total) });
  tabs.postMessage({ left: { idle: idle ? Number(idle) : null, total: Number(total), person } });
  setInterval(look, 1000);
};

// The sign-in page tells the other tabs to look, and goes on by itself when somebody signs in in one of them.
const watchForSignIn = () => {
  tabs.addEventListener("message", ({ data }) => {
    if (!data.left) return;
    const next = signInForm.elements.next?.value ?? "";
    location.replace(`${location.pathname}?${new URLSearchParams({ next })}`);
  });
  tabs.postMessage({ over: new URLSearchParams(location.search).get("ended") ?? "" });
};

if (dialog) watch();
else if (signInForm) watchForSignIn();
