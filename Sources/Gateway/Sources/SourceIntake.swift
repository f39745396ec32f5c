// SourceIntake: from a line or datagram to a signal: the limits that every source has, the counts,
// and the JSON that is emitted. Sans-IO.

internal import Bytes
internal import JSON
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
    /// Its file is not there, or cannot be opened.
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

    private let loop: EventLoop
    private let signal: Payload
    private let depth: Int
    private var rateLimit: RateLimit

    /// Makes an intake; JSON may nest `depth` deep.
    init(_ settings: Settings.Source, loop: EventLoop, depth: Int) {
        self.settings = settings
        self.loop = loop
        self.depth = depth
        signal = Payload(Array(settings.signal.utf8))
        rateLimit = RateLimit(perSecond: settings.rate, now: loop.clock.monotonicNanos())
    }

    /// Takes a line or datagram in; `sender` is who sent it, for sockets.
    func take(_ line: UnsafeRawBufferPointer, from sender: String?) {
        guard line.count > 0 else { return }
        guard line.count <= settings.lineSize else {
            leaveOutOverlong()
            return
        }
        counts.received &+= 1
        guard rateLimit.spend(loop.now) else {
            counts.overRate &+= 1
            return
        }
        guard let data = data(line, sender) else {
            counts.malformed &+= 1
            return
        }
        emit(signal, data) { [weak self] emission in self?.count(emission) }
    }

    /// Counts a line that was too long to be kept.
    func leaveOutOverlong() {
        counts.received &+= 1
        counts.tooLong &+= 1
    }

    private func count(_ emission: Emission) {
        switch emission {
        case .emitted, .repeated: counts.emitted &+= 1
        case .tooLarge: counts.tooLarge &+= 1
        case .notStored, .keyIsTaken: counts.notStored &+= 1
        // What becomes of it is told once it is stored.
        case .held: break
        }
    }

    private func data(_ line: UnsafeRawBufferPointer, _ sender: String?) -> Payload? {
        var out = ByteBuffer()
        switch settings.framing {
        case .json:
            do throws(JSONError) {
                _ = try JSONScanner.compact(line, into: &out, maxDepth: depth)
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
