// SubscriptionTable+Cuts: the end of a stream whose reader is too slow, and the line in the log that
// tells of it.

internal import Bytes
internal import HTTP
internal import Notifier

extension SubscriptionTable {
    /// Cuts a stream that would be owed `byteCount` bytes; its reader can come back by its last id.
    @inline(never)
    func cut(_ subscription: Subscription, owing byteCount: Int) {
        cutCount &+= 1
        onCut(subscription.exchange, subscription.filter, byteCount)
        subscription.exchange.breakOff()
    }
}

/// Tells of streams that were cut: of the first at once, then of the last one once a minute, and how
/// many there were.
///
/// Loop-confined.
final class StreamCutNotice {
    /// Patterns and conditions of a stream that are named.
    static let namedLimit = 3
    /// Characters of one of them that are shown.
    static let textLimit = 64

    private let limitBytes: Int
    private let say: (String) -> Void
    private var last: (peer: SocketAddress?, filter: SignalFilter, owedBytes: Int)?
    private var notice: PacedNotice?

    /// Makes a notice for streams that may be owed `limitBytes`; `say` writes a line.
    init(loop: EventLoop, limitBytes: Int, say: @escaping (String) -> Void) {
        self.limitBytes = limitBytes
        self.say = say
        notice = PacedNotice(loop: loop) { [unowned self] count, isFirst in
            tell(count, isFirst)
        }
    }

    /// Notes that a stream is being cut.
    func note(_ exchange: Exchange, _ filter: SignalFilter, _ owedBytes: Int) {
        last = (exchange.peer, filter, owedBytes)
        notice?.note()
    }

    private func tell(_ count: Int, _ isFirst: Bool) {
        guard let last else { return }
        let others = PacedNotice.others(count, isFirst: isFirst)
        say(
            "event stream of \(Self.name(of: last.peer)) for "
                + "\(Self.names(of: last.filter)) cut: it reads too slowly, "
                + "\(Quantity.text(last.owedBytes, "byte")) would wait for it, more than "
                + "\(Quantity.bytes(limitBytes)) (limits.stream_buffer)\(others)")
    }

    private static func name(of peer: SocketAddress?) -> String {
        guard let peer else { return "somebody who has gone" }
        return peer.host == "unix" ? "a client of a Unix socket" : "\(peer)"
    }

    /// What a stream asks for, shortened.
    static func names(of filter: SignalFilter) -> String {
        let all = filter.patterns.map(\.text) + filter.conditions.map { "where=\($0.text)" }
        let named = all.prefix(namedLimit).map {
            $0.count > textLimit ? "\($0.prefix(textLimit))…" : $0
        }
        let more = all.count - named.count
        return named.joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
    }
}
