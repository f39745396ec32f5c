// CrashNote: last words of a process that traps. The handler itself is C (CLinux): Swift code may
// not run inside the handler of a signal.

internal import CLinux

/// One line on standard error when the process crashes.
public enum CrashNote {
    /// Makes a crash say which callback of which thread was running.
    ///
    /// From now on SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE and SIGABRT write a line first:
    ///
    ///     crash: signal 4 in timer callback Module/File.swift:12, thread loop 1
    ///
    /// What handled the signal before comes next, or else its default action, so that the process
    /// ends as it would have. A second call does nothing. After an overflow of the stack there is no
    /// room for a note unless the thread has an alternate signal stack.
    ///
    /// - Throws: `SystemError` if the kernel refuses.
    public static func install() throws(SystemError) {
        let code = clinux_install_crash_note()
        guard code == 0 else { throw SystemError("sigaction", code) }
    }
}
