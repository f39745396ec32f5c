// LoopPulse: the few words by which a loop shows what it is doing, to the watchdog's thread and to
// the handler of a crash. It outlives its loop with the last handle to it.

internal import CLinux

/// What a loop is doing.
///
/// Any thread.
final class LoopPulse: @unchecked Sendable {
    // SAFETY: @unchecked because of the pointer; all words behind it are accessed atomically, by the
    // functions of CLinux.
    let words: UnsafeMutablePointer<clinux_pulse>

    init() {
        words = .allocate(capacity: 1)
        words.initialize(to: clinux_pulse())
        words.pointee.asleep = 1
    }

    deinit { words.deallocate() }

    /// The words as they are.
    func read() -> clinux_pulse { clinux_pulse_read(words) }
}
