// Signals in the browser: one event stream for all tabs of an origin. Each tab asks for the lock; the
// one that has it reads the stream and tells the others, and when it goes the next one goes on.
const base = new URL(".", import.meta.url);
const name = "signalbox " + base;
const bus = globalThis.navigator?.locks && new BroadcastChannel(name);
const mine = new Set(), names = new Set();
let leads = !bus, asked, source, timer, last = "";

/**
 * Calls back for each signal that fits; returns a function that ends it.
 * @template T
 * @param {string | string[]} signals names or patterns: "a.b", "a.*", "a.**"
 * @param {(data: T, event: {id: string, type: string, time: string, data: T}) => void} call
 * @param {(gap: {signals: string[], from: string, to: string, reason: string}) => void} [gap]
 */
export function listen(signals, call, gap) {
  const one = { signals: [signals].flat(), call, gap, early: [], last: "" };
  mine.add(one);
  if (bus && !asked) {
    asked = true;
    bus.onmessage = ({ data }) => {
      if (data.event) take(data);
      else if (data.want) leads && want(data.want, data.from);
      else wantAll();
    };
    navigator.locks.request(name, () => {
      leads = true;
      bus.postMessage({});
      wantAll();
      return new Promise(() => {});
    });
  }
  begin(one);
  return () => mine.delete(one);
}

const url = (signals, more) => {
  const query = new URLSearchParams(more);
  for (const each of signals) query.append("signal", each);
  return new URL("v1/events?" + query, base);
};

// The latest values, and where the stream is; what comes meanwhile waits.
async function begin(one) {
  let values = [], at = "", answer;
  try {
    answer = await fetch(url(one.signals, { wait: 0 }));
    if (answer.ok) {
      values = await answer.json();
      at = answer.headers.get("Last-Event-ID");
    }
  } catch {}
  // With it the stream of all tabs would be refused.
  if (answer?.status == 400) return mine.delete(one), reportError(Error(one.signals));
  for (const event of values) give(one, event);
  one.last = at;
  const { early } = one;
  one.early = null;
  for (const event of early) give(one, event);
  want(one.signals, at);
}

// For a new leader. Who begins asks by itself, from where it begins.
const wantAll = () =>
  mine.forEach((each) => each.early || want(each.signals, last || each.last));

// Asks the leader, who may be this tab, for more signals, from an id on.
function want(signals, from) {
  if (!leads) return bus.postMessage({ want: signals, from });
  if (signals.every((each) => names.has(each))) return;
  for (const each of signals) names.add(each);
  if (from && (!last || after(last, from))) last = from;
  again(0);
}

function again(ms) {
  clearTimeout(timer);
  timer = setTimeout(open, ms);
}

function open() {
  source?.close();
  source = new EventSource(url(names, { format: "cloudevents", last_event_id: last }));
  source.onmessage = ({ data, lastEventId }) => {
    const one = { event: JSON.parse(data), id: lastEventId };
    bus?.postMessage(one);
    take(one);
  };
  source.onerror = () => source.readyState == 2 && again(1e3 + 4e3 * Math.random());
}

function take({ event, id }) {
  last = id || last;
  for (const each of mine)
    if (event.type == "signalbox.gap")
      event.data.signals.some((lost) => hears(each, lost)) && each.gap?.(event.data);
    else if (hears(each, event.type))
      each.early ? each.early.push(event) : give(each, event);
}

function give(one, event) {
  if (!mine.has(one) || (one.last && !after(event.id, one.last))) return;
  if (!one.early) one.last = event.id;
  try {
    one.call(event.data, event);
  } catch (error) {
    reportError(error);
  }
}

function after(id, other) {
  const [a, b] = [id, other].map((text) => text.split("-"));
  return a[0] != b[0] || +a[1] > +b[1];
}

const hears = (one, type) => one.signals.some((own) => fits(own, type));

function fits(own, type) {
  const stem = own.replace(/\*+$/, ""), rest = type.slice(stem.length);
  return type == own || (stem != own && type.startsWith(stem) && rest &&
    (own.endsWith("**") || !rest.includes(".")));
}
