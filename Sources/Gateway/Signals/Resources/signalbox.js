// Signals in the browser: one event stream for all tabs of an origin. Each tab asks for the lock; the
// one that has it reads the stream and tells the others, and when it goes the next one goes on.
const base = new URL(".", import.meta.url);
const name = "signalbox " + base;
const channel = globalThis.navigator?.locks && new BroadcastChannel(name);
const listeners = new Set(), wanted = new Set();
let leading = !channel, asked, source, timer, last = "";

/**
 * Calls back for each signal that matches; returns a function that ends it.
 * @template T
 * @param {string | string[]} signals names or patterns: "a.b", "a.*", "a.**"
 * @param {(data: T, event: {id: string, type: string, time: string, data: T}) => void} call
 * @param {(gap: {signals: string[], from: string, to: string, reason: string}) => void} [gap]
 */
export function listen(signals, call, gap) {
  const one = { signals: [signals].flat(), call, gap, early: [], last: "" };
  listeners.add(one);
  if (channel && !asked) {
    asked = true;
    channel.onmessage = ({ data }) => {
      if (data.event) take(data);
      else if (data.want) leading && want(data.want, data.from);
      else for (const each of listeners) want(each.signals, last);
    };
    navigator.locks.request(name, () => {
      leading = true;
      channel.postMessage({});
      for (const each of listeners) want(each.signals, last);
      return new Promise(() => {});
    });
  }
  begin(one);
  return () => listeners.delete(one);
}

const url = (signals, more) => {
  const query = new URLSearchParams(more);
  for (const each of signals) query.append("signal", each);
  return new URL("v1/events?" + query, base);
};

// The latest values, and where the stream is; what comes meanwhile waits.
async function begin(one) {
  let values = [], at = "";
  try {
    const answer = await fetch(url(one.signals, { wait: 0 }));
    if (answer.ok) {
      values = await answer.json();
      at = answer.headers.get("Last-Event-ID");
    }
  } catch {}
  for (const event of values) give(one, event);
  one.last = at;
  const early = one.early;
  one.early = null;
  for (const event of early) give(one, event);
  want(one.signals, at);
}

// Asks the leader, who may be this tab, for more signals, from an id on.
function want(signals, from) {
  if (!leading) return channel.postMessage({ want: signals, from });
  if (signals.every((each) => wanted.has(each))) return;
  for (const each of signals) wanted.add(each);
  if (from && (!last || isAfter(last, from))) last = from;
  again(0);
}

function again(milliseconds) {
  clearTimeout(timer);
  timer = setTimeout(open, milliseconds);
}

function open() {
  source?.close();
  source = new EventSource(url(wanted, { format: "cloudevents", last_event_id: last }));
  source.onmessage = ({ data, lastEventId }) => {
    const message = { event: JSON.parse(data), id: lastEventId };
    channel?.postMessage(message);
    take(message);
  };
  source.onerror = () => source.readyState == 2 && again(1e3 + 4e3 * Math.random());
}

function take({ event, id }) {
  last = id || last;
  for (const each of listeners)
    if (event.type == "signalbox.gap") each.gap?.(event.data);
    else if (each.signals.some((pattern) => matches(pattern, event.type)))
      each.early ? each.early.push(event) : give(each, event);
}

function give(one, event) {
  if (!listeners.has(one) || (one.last && !isAfter(event.id, one.last))) return;
  if (!one.early) one.last = event.id;
  try {
    one.call(event.data, event);
  } catch (error) {
    reportError(error);
  }
}

function isAfter(id, other) {
  const [a, b] = [id, other].map((text) => text.split("-"));
  return a[0] != b[0] || +a[1] > +b[1];
}

function matches(pattern, type) {
  const stem = pattern.replace(/\*+$/, "");
  if (stem == pattern) return type == pattern;
  const rest = type.slice(stem.length);
  return type.startsWith(stem) && !!rest && (pattern.endsWith("**") || !rest.includes("."));
}
