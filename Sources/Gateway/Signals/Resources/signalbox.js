// Signals in the browser: one event stream for all tabs of an origin.
//
//     what is wanted   a shared Web Lock for each listener, its signals in the name: goes with the tab
//     who reads        the tab that has the one lock that is not shared; when it goes, the next one
//     on the channel   { from }                        to the reader: a listener stands at that id
//                      { }                             of it: it is awake
//                      { names, since, last, fresh }   of it: what the stream brings after `since`
//                      { event, id }                   of it: what has come
//
// A listener has its latest values and an id first. What then comes it keeps, until it hears that the
// stream brings all its signals after that id or an older one; of what it has had it takes nothing
// again. So nothing is lost and nothing doubled, whoever comes, goes or takes over. A reader that does
// not answer is asleep: who notices takes the lock from it. Without locks each tab reads for itself.
//
// It is served without what only its authors need, see BrowserClient.swift: the words named here
// become letters, so none of them may be a name of the browser's or of the protocol's.
// Short: listener last from signals event early all leads mine news other answer channel end source
// Short: want age each names since tell fresh stream title address again alarm done error give kept
// Short: lead older ask base call check drop fail first gap hear hold isGap later queue second
// Short: share take timer wanted admit after at begin connect fits how more read ready start values
// Short: which there run
const base = new URL(".", import.meta.url);
// With a number that changes with the messages, as tabs with an older script may be open.
const title = "signalbox-2 " + base;
const mine = new Set();
// What the stream brings, and after which id; how far it has come; after which id it is to be read.
let names, since, last = "", want = "";
let ready, channel, leads, source, timer, alarm, queue;

/**
 * Calls back for each signal that fits; returns a function that ends it.
 * @template T
 * @param {string | string[]} signals names or patterns: "a.b", "a.*", "a.**"
 * @param {(data: T, event: {id: string, type: string, time: string, data: T}) => void} call
 * @param {(gap: {signals: string[], from: string, to: string, reason: string}) => void} [gap]
 * @param {(error: Error) => void} [fail] called once if they are refused: bad, or too many of all tabs
 */
export function listen(signals, call, gap, fail = reportError) {
  const listener = { signals: [signals].flat().map(String), call, gap, fail, last: "" };
  mine.add(listener);
  begin(listener);
  return () => drop(listener);
}

function drop(listener) {
  listener.end?.();
  return mine.delete(listener);
}

async function begin(listener) {
  try {
    await (ready ??= start());
    const { signals } = listener;
    const [values, at] = await ask(signals, "", listener);
    listener.fits = RegExp("^(" + signals.join("|").replaceAll(".", "\\.")
      .replaceAll("**", ".+").replaceAll("*", "[^.]+") + ")$");
    for (const event of values) give(listener, event);
    listener.last = at || "";
    // One after the other, so that those who still fit are told from those who do not.
    await (queue = Promise.allSettled([queue]).then(() => admit(listener)));
  } catch (error) {
    const { fail } = listener;
    drop(listener) && fail(error);
  }
}

async function start() {
  try {
    await navigator.locks.query();
    channel = new BroadcastChannel(title);
    channel.onmessage = ({ data }) => {
      if (data.from != null) return leads && tell(data.from);
      alarm = clearTimeout(alarm);
      data.event ? take(data) : data.names && hear(data);
    };
    lead({});
  } catch {
    leads = true;
  }
  // Notices who has gone and who is asleep.
  setInterval(() => tell(last), 6e4);
}

function lead(how) {
  navigator.locks.request(title, how, () => {
    leads = true;
    tell(last);
    return new Promise(() => {});
  }).catch(() => {
    // Taken away.
    leads = source = source?.close();
    setTimeout(lead, 1e3, {});
  });
}

// Says what is wanted; throws if that is too much, with all that is wanted already.
async function admit(listener) {
  await new Promise(done => {
    const hold = () => new Promise(end => done(listener.end = end));
    channel
      ? navigator.locks.request([title, ...listener.signals].join(" "), { mode: "shared" }, hold)
      : hold();
  });
  await check(await wanted());
  mine.has(listener) ? tell(listener.last) : listener.end();
}

// What all tabs want.
const wanted = async () => [...new Set(
  channel
    ? (await navigator.locks.query()).held.flatMap(({ name }) =>
        name.startsWith(title + " ") ? name.split(" ").slice(2) : [])
    : [...mine].flatMap(listener => listener.end ? listener.signals : []),
)].sort();

// Throws if the stream would be refused. The 256 names that there may be have 511 letters at least.
const check = async all => String(all).length > 500 && ask(all, last);

// Asks until there is an answer: events, and the id to go on after. Throws a refusal.
async function ask(signals, from, listener = {}) {
  for (;;) {
    // All that is newer than the answer comes later.
    listener.early = [];
    const answer = await fetch(address(signals, "wait=0", from)).catch(() => 0);
    if ([400, 414, 431].includes(answer.status)) throw Error(await answer.text());
    try {
      if (answer.ok) return [await answer.json(), answer.headers.get("Last-Event-ID")];
    } catch {}
    await new Promise(done => setTimeout(done, later()));
  }
}

const later = () => 1e3 + 4e3 * Math.random();

const address = (signals, more, from) => base + "v1/events?" + more + "&last_event_id=" + from +
  signals.map(each => "&signal=" + encodeURIComponent(each)).join("");

// Tells the reader, who may be this tab, after which id the stream is to be read.
function tell(from) {
  if (leads) {
    want = older(want, from);
    again(50);
  } else {
    channel.postMessage({ from });
    alarm ||= setTimeout(() => {
      alarm = 0;
      leads || lead({ steal: true });
    }, 3e3);
  }
}

const again = after => timer ||= setTimeout(read, after);

// Opens the stream anew if it does not bring what is wanted.
async function read() {
  const from = want;
  // Not sooner: who sleeps may hear others, but has no timers.
  channel?.postMessage({});
  want = "";
  timer = 0;
  const all = await wanted();
  const fresh = !source || names + "" != all || (from && !(age(since, from) <= 0));
  try {
    fresh && await check(all);
  } catch {
    // Whoever wants too much is about to take it back.
    want = older(want, from);
    return again(500);
  }
  if (!leads) return;
  if (fresh) {
    source?.close();
    names = all;
    since = last = older(last, from);
    source = all[0] && connect(address(all, "format=cloudevents", since));
  }
  share({ names, since, last, fresh }, hear);
}

function connect(url) {
  const stream = new EventSource(url);
  stream.onmessage = ({ data, lastEventId }) =>
    share({ event: JSON.parse(data), id: lastEventId }, take);
  stream.onerror = () => {
    // By itself it comes back only if it was cut, not if it was refused.
    if (stream.readyState < 2) return;
    source = null;
    again(later());
  };
  return stream;
}

function share(news, which) {
  channel?.postMessage(news);
  which(news);
}

// What the stream brings from now on.
function hear(news) {
  for (const listener of mine) {
    const { early } = listener, from = early ? listener.last : last;
    // What an older stream has brought comes once more.
    const kept = (!news.fresh && early) || [];
    if (early) listener.early = kept;
    if (!listener.end) continue;
    const all = listener.signals.every(each => news.names.includes(each));
    if (all && (news.since || !from) && !(age(news.since, from) > 0)) {
      listener.early = 0;
      for (const event of kept) give(listener, event);
    } else {
      listener.early = kept;
      tell(from);
    }
  }
  last = news.last;
}

function take({ event, id }) {
  last = id || last;
  for (const listener of mine) listener.early ? listener.early.push(event) : give(listener, event);
}

function give(listener, event) {
  const { id, type, data } = event, isGap = type == "signalbox.gap";
  if (!mine.has(listener) || !Object.entries(isGap ? data.lost : { [type]: id })
    .some(([name, id]) => listener.fits.test(name) && !(age(id, listener.last) <= 0))) return;
  const { gap, call, last } = listener;
  listener.last = id;
  try {
    // The member is the protocol's: in quotes it keeps its name.
    isGap ? gap?.({ ...data, "from": last }) : call(data, event);
  } catch (error) {
    reportError(error);
  }
}

// Positive if the first id is the newer one; NaN if they are of two runs.
const age = (id, other,
  [[run, first], [there, second]] = [id, other].map(each => each.split("-")),
) => run == there ? first - second : NaN;

// After which id to read for the sake of both; if they are of two runs, all there is, and a gap.
const older = (id, other) =>
  id && other ? age(id, other) > 0 ? other : age(id, other) <= 0 ? id : "-" : id || other;
