// Semaphore: lets a thread that has no loop wait for another one, by a blocking read of an eventfd.

internal import CLinux
internal import Glibc

/// Counts permits that threads wait for.
///
/// Any thread.
final class Semaphore: Sendable {
    private let descriptor: Descriptor

    /// Makes a semaphore without permits.
    ///
    /// - Throws: `SystemError` if no descriptor is left.
    init() throws(SystemError) {
        let number = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_SEMAPHORE))
        guard number >= 0 else { throw SystemError("eventfd") }
        descriptor = Descriptor(owning: number)
    }

    /// Adds permits; as many waiting threads go on.
    func signal(_ count: Int = 1) {
        var permits = UInt64(max(count, 0))
        if permits > 0 {
            // Interrupted only before it is done, as it is done at once.
            while write(descriptor.number, &permits, 8) != 8, errno == EINTR {}
        }
    }

    /// Takes a permit, waiting for one if there is none.
    func wait() {
        var permit: UInt64 = 0
        while read(descriptor.number, &permit, 8) != 8, errno == EINTR {}
    }
}
