// PacedNotice: what may happen a thousand times a second and is to be in the log all the same: told at
// once when it begins, then once a minute with how often it has happened since.

internal import Notifier

/// Tells of something seldom, however often it happens.
///
/// Loop-confined.
final class PacedNotice {
    /// Time between two lines of the same kind: an operator wants to know that it goes on, not to find
    /// the log full of it.
    static let pause = Duration.seconds(60)

    private let loop: EventLoop
    private let say: (_ count: Int, _ isFirst: Bool) -> Void
    private var unsaid = 0
    private var quietUntil: UInt64 = 0
    private var timer: TimerToken?

    /// Makes a notice that has nothing to tell; `say` is called with how often it happened since the
    /// last time, and whether this is the first time after a minute without.
    init(loop: EventLoop, say: @escaping (_ count: Int, _ isFirst: Bool) -> Void) {
        self.loop = loop
        self.say = say
    }

    /// Notes that it has happened once more.
    func note() {
        unsaid &+= 1
        guard timer == nil else { return }
        guard loop.now < quietUntil else {
            tell(isFirst: true)
            return
        }
        timer = loop.addTimer(at: quietUntil) { [weak self] in self?.tell(isFirst: false) }
    }

    /// What a line that names only the last of `count` says of the others.
    static func others(_ count: Int, isFirst: Bool) -> String {
        isFirst || count == 1 ? "" : " (the last of \(count) since the line before)"
    }

    /// Tells what has not been told yet, because there will be no more.
    func finish() {
        if let timer { loop.removeTimer(timer) }
        if unsaid > 0 { tell(isFirst: false) }
    }

    private func tell(isFirst: Bool) {
        timer = nil
        quietUntil = loop.now &+ UInt64(Self.pause.nanoseconds)
        let count = unsaid
        unsaid = 0
        say(count, isFirst)
    }
}
