// Scratch: one block of memory per loop into which children's output is read. It is shared because
// what a read brings is handled before the next read; only incomplete lines are kept elsewhere.

internal import Glibc

/// The loop's shared read buffer.
///
/// Loop-confined.
final class Scratch: LoopLocal {
    /// Size in bytes: what a pipe holds by default, so that one read empties it (pipe(7)).
    static let byteCount = 64 * 1024

    private let block = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 64)
    @exclusivity(unchecked) private var isLent = false

    init(loop: EventLoop) {}

    deinit { block.deallocate() }

    /// Lends memory to `body`; a nested step, which finds the block in use, gets memory of its own.
    @inline(__always)
    func withMemory(_ body: (UnsafeMutableRawBufferPointer) -> Void) {
        if isLent {
            let own = UnsafeMutableRawBufferPointer.allocate(
                byteCount: Self.byteCount, alignment: 64)
            body(own)
            own.deallocate()
        } else {
            isLent = true
            body(block)
            isLent = false
        }
    }
}
