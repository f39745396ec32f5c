// SignalEvent: one emitted signal, and the ids by which streams resume.
//
//     k3f9-1042  =  epoch - sequence
//
// The epoch is new with each start of the gateway; the sequence counts every signal of it.

internal import Bytes
internal import TLS

/// One emitted signal.
///
/// Any thread.
final class SignalEvent: Sendable {
    /// Its place in the order of all signals, from 1.
    let sequence: UInt64

    /// Its name.
    let name: Payload

    /// Its data: JSON on one line.
    let data: Payload

    /// When it was emitted, in nanoseconds since 1970.
    let wallNanos: Int64

    /// Number of reactions that lie behind it.
    let depth: Int

    /// Makes an event of what was emitted.
    init(
        sequence: UInt64, name: Payload, data: Payload, wallNanos: Int64, depth: Int = 0
    ) {
        self.depth = depth
        self.sequence = sequence
        self.name = name
        self.data = data
        self.wallNanos = wallNanos
    }

    /// Bytes it keeps in memory, its bookkeeping included.
    var byteCount: Int { name.count + data.count + 160 }
}

/// What distinguishes this run of the gateway from others: a few letters and digits.
struct SignalEpoch: Sendable, Hashable {
    /// Characters of an epoch: 40 bits, so that two runs of one gateway practically never share it.
    static let length = 8

    /// The characters.
    let text: [UInt8]

    /// A new, random epoch.
    init() {
        let alphabet = Array("0123456789abcdefghijkmnpqrstuvwx".utf8)
        text = Random.bytes(count: Self.length).map { alphabet[Int($0 & 31)] }
    }

    /// The epoch with these characters.
    init(_ text: String) { self.text = Array(text.utf8) }

    /// Appends the id of the event with `sequence`.
    func appendID(_ sequence: UInt64, to out: inout ByteBuffer) {
        out.append(text)
        out.append(UInt8(ascii: "-"))
        out.append(decimal: Int(clamping: sequence))
    }

    /// The id as text.
    func id(_ sequence: UInt64) -> String {
        String(decoding: text, as: UTF8.self) + "-\(sequence)"
    }
}

/// Where a stream that comes back had been.
enum ResumePoint: Sendable, Equatable {
    /// It is new: the latest values, then live from now on.
    case live
    /// It is new and has had the latest values up to the first number; when it has all, it goes on
    /// after the second one.
    case snapshot(UInt64, then: UInt64)
    /// It has seen everything up to this sequence number of the present epoch.
    case after(UInt64)
    /// It is in the middle of what it missed: it has been given everything up to this sequence number,
    /// and told of all that the history had let go by then, see `SignalHistory.dropCount`.
    case following(UInt64, told: UInt64)
    /// It comes from another epoch, or its id is none of ours; the text is what it sent.
    case unknown(String)

    /// Longest id that is looked at; longer ones are no id of ours.
    static let byteLimit = 64

    /// Reads a `Last-Event-ID`.
    init(_ bytes: UnsafeRawBufferPointer, epoch: SignalEpoch) {
        let text = String(decoding: bytes.prefix(Self.byteLimit), as: UTF8.self)
        guard bytes.count > 0 else {
            self = .live
            return
        }
        let prefix = epoch.text + [UInt8(ascii: "-")]
        let digits = bytes.dropFirst(prefix.count)
        guard bytes.count <= Self.byteLimit, bytes.starts(with: prefix), !digits.isEmpty,
            digits.count <= 19, digits.allSatisfy(ASCII.isDigit)
        else {
            self = .unknown(text)
            return
        }
        self = .after(digits.reduce(0) { $0 &* 10 &+ UInt64($1 &- 48) })
    }
}
