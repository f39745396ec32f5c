// SourceIntake: from a line or datagram to a signal: the limits that every source has, the counts,
// and the JSON that is emitted. Sans-IO.

internal import Bytes
internal import JSON
internal import Logging
internal import Notifier

/// What a source has done so far.
///
/// Any thread.
struct SourceCounts: Sendable, Equatable {
    /// Lines or datagrams that came, empty ones apart.
    var received: UInt64 = 0
    /// Signals emitted.
    var emitted: UInt64 = 0
    /// Lines left out because there were more than the rate allows.
    var overRate: UInt64 = 0
    /// Lines left out because they were too long.
    var tooLong: UInt64 = 0
    /// Lines left out because they were to be JSON and were not.
    var malformed: UInt64 = 0
    /// Lines left out because a signal may not have so much data.
    var tooLarge: UInt64 = 0
    /// Lines left out because they were to be stored and could not be.
    var notStored: UInt64 = 0
    /// Connections closed because there were too many.
    var refused: UInt64 = 0
    /// Connections open.
    var connections = 0
}

/// What a source is doing.
enum SourceState: String, Sendable {
    /// Its socket is open.
    case listening
    /// Its file is being read.
    case reading
    /// Its file is not there, or cannot be read.
    case waiting
    /// It has been closed, because the gateway ends.
    case closed
}

/// Turns lines into signals within the limits of one source.
///
/// Loop-confined, on the control loop.
final class SourceIntake {
    /// What the configuration says.
    let settings: Settings.Source
    /// What it has done.
    var counts = SourceCounts()
    /// Emits a signal; `done` hears what became of it, perhaps later.
    var emit: (_ name: Payload, _ data: Payload, _ done: @escaping (Emission) -> Void) -> Void = {
        _, _, _ in
    }
    /// Where it listens or reads, as it turned out.
    var address = ""
    /// What it is doing.
    var state: () -> SourceState = { .closed }
    /// Why it waits, and what ends that; nil while it does not.
    var reason: () -> String? = { nil }
    /// Writes a line to the log.
    var log: (Logger.Level, String) -> Void = { _, _ in }

    /// What the limits of signals are to sources.
    struct Limits {
        /// Deepest nesting of JSON.
        var depth = 64
        /// Most bytes of a signal's data.
        var eventSize = 256 << 10
    }

    private let loop: EventLoop
    private let signal: Payload
    private let limits: Limits
    private var rateLimit: RateLimit
    private var notices: [SourceLoss: PacedNotice] = [:]

    /// Makes an intake.
    init(_ settings: Settings.Source, loop: EventLoop, _ limits: Limits) {
        self.settings = settings
        self.loop = loop
        self.limits = limits
        signal = Payload(Array(settings.signal.utf8))
        rateLimit = RateLimit(perSecond: settings.rate, now: loop.clock.monotonicNanos())
    }

    /// Takes a line or datagram in; `sender` is who sent it, for sockets.
    func take(_ line: UnsafeRawBufferPointer, from sender: @autoclosure () -> String?) {
        guard line.count > 0 else { return }
        guard line.count <= settings.lineSize else {
            leaveOutOverlong()
            return
        }
        counts.received &+= 1
        guard rateLimit.spend(loop.now) else {
            leaveOut(.overRate)
            return
        }
        guard let data = data(line, sender()) else {
            leaveOut(.malformed)
            return
        }
        guard data.count <= limits.eventSize else {
            leaveOut(.tooLarge)
            return
        }
        emit(signal, data) { [weak self] emission in self?.count(emission) }
    }

    /// Counts a line that was too long to be kept.
    func leaveOutOverlong() {
        counts.received &+= 1
        leaveOut(.tooLong)
    }

    /// Counts what is left out, and tells the log of it now and then.
    func leaveOut(_ loss: SourceLoss) {
        counts.count(loss)
        if let notice = notices[loss] {
            notice.note()
            return
        }
        let notice = PacedNotice(loop: loop) { [unowned self] count, isFirst in
            log(
                .warning,
                loss.sentence(
                    count, isFirst: isFirst, settings, eventSize: limits.eventSize))
        }
        notices[loss] = notice
        notice.note()
    }

    /// Tells the log what it has not heard of yet.
    func finish() {
        for notice in notices.values { notice.finish() }
    }

    private func count(_ emission: Emission) {
        switch emission {
        case .emitted, .repeated: counts.emitted &+= 1
        case .tooLarge: leaveOut(.tooLarge)
        case .notStored, .keyIsTaken: leaveOut(.notStored)
        // What becomes of it is told once it is stored.
        case .held: break
        }
    }

    private func data(_ line: UnsafeRawBufferPointer, _ sender: String?) -> Payload? {
        var out = ByteBuffer()
        switch settings.framing {
        case .json:
            do throws(JSONError) {
                _ = try JSONScanner.compact(line, into: &out, maxDepth: limits.depth)
            } catch {
                return nil
            }
        case .lines:
            let text = String(decoding: line, as: UTF8.self)  // what is no UTF-8 becomes U+FFFD
            JSONWriter.append(to: &out) { json in
                json.beginObject()
                json.key("line")
                json.string(text)
                if let sender {
                    json.key("from")
                    json.string(sender)
                }
                json.endObject()
            }
        }
        return Payload(out.readable)
    }
}
