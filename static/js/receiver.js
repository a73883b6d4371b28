// Shows new events without a reload by hand: asks for the count every two seconds, fetches the page when it moved.
const shown = document.body;

async function look() {
  const answer = await fetch("/count", { cache: "no-store" });
  if (!answer.ok || (await answer.text()) === shown.dataset.count) return;
  const page = new DOMParser().parseFromString(await (await fetch("/")).text(), "text/html");
  document.querySelector("main").replaceWith(page.querySelector("main"));
  shown.dataset.count = page.body.dataset.count;
}

setInterval(() => look().catch(() => {}), 2000); // the receiver may be restarting: the next look tells
