// The list of runs, and health, while somebody looks at them.
import { refresh } from "./refresh.js";

const SECONDS = 3;
const MOST_SECONDS = 60;

async function watch() {
  let pause = SECONDS;
  for (;;) {
    await new Promise((done) => { setTimeout(done, pause * 1000); });
    if (document.hidden) {
      await new Promise((done) => { document.addEventListener("visibilitychange", done, { once: true }); });
    }
    pause = (await refresh(["live"])) ? SECONDS : Math.min(MOST_SECONDS, pause * 2);
  }
}

watch();
