// A program started by a test. Its output goes to files, so that a test can look at what has
// arrived so far, and nothing waits for a pipe that somebody else keeps open. It gets default
// signal dispositions and an empty mask, whatever the test process has done to its own.

import Foundation

/// How a program came to its end.
enum Termination: Equatable {
    case exited(Int32)
    case killed(bySignal: Int32)

    /// Reads the status word of `waitpid`.
    init(status: Int32) {
        let signal = status & 0x7f
        self = signal == 0 ? .exited((status >> 8) & 0xff) : .killed(bySignal: signal)
    }
}

/// A running or finished program.
///
/// Confined to the test that started it.
final class Program {
    let commandLine: [String]
    let pid: pid_t
    private let folder: TemporaryFolder
    private var termination: Termination?

    /// Starts a program found on the `PATH`, in a process group of its own.
    ///
    /// - Parameters:
    ///   - input: what it reads from standard input; `nil` is an empty file.
    ///   - environment: added to the test's own.
    init(
        _ commandLine: [String], input: String? = nil, environment: [String: String] = [:],
        folder workingFolder: String = Checkout.root
    ) throws {
        self.commandLine = commandLine
        folder = try TemporaryFolder()
        let inputPath = try input.map { [folder] in try folder.write($0, to: "in") } ?? "/dev/null"

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, inputPath, O_RDONLY, 0)
        let create = O_WRONLY | O_CREAT | O_APPEND
        posix_spawn_file_actions_addopen(&actions, 1, folder.file("out"), create, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, folder.file("err"), create, 0o600)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
        posix_spawnattr_setflags(&attributes, Int16(flags))

        // posix_spawn has no working folder before glibc 2.29's extension: `env -C` has.
        let wrapped = ["env", "-C", workingFolder] + commandLine
        var arguments = wrapped.map { strdup($0) } + [nil]
        var variables =
            ProcessInfo.processInfo.environment
            .merging(environment) { $1 }
            .map { strdup("\($0)=\($1)") } + [nil]
        defer { (arguments + variables).forEach { free($0) } }
        var child: pid_t = 0
        let status = posix_spawnp(&child, "env", &actions, &attributes, &arguments, &variables)
        guard status == 0 else {
            throw TestError(description: "starting \(commandLine): \(errnoText(status))")
        }
        pid = child
    }

    deinit {
        guard termination == nil else { return }
        kill(-pid, SIGKILL)
        waitpid(pid, nil, 0)
    }

    /// What it has written to standard output so far.
    var output: String { read("out") }

    /// What it has written to standard error so far.
    var errors: String { read("err") }

    /// How it ended, or `nil` while it runs.
    var ended: Termination? {
        if termination == nil {
            var status: Int32 = 0
            if waitpid(pid, &status, WNOHANG) == pid { termination = Termination(status: status) }
        }
        return termination
    }

    /// Sends a signal to the program alone.
    func send(_ signal: Int32) {
        guard ended == nil else { return }
        kill(pid, signal)
    }

    /// Waits for its end.
    ///
    /// - Throws: `TestError` with what it had written.
    @discardableResult
    func wait(within limit: Duration = .seconds(20)) throws -> Termination {
        try waitFor("\(commandLine) to end\n\(output)\n\(errors)", within: limit) { ended }
    }

    private func read(_ name: String) -> String {
        guard let data = FileManager.default.contents(atPath: folder.file(name)) else { return "" }
        return String(decoding: data, as: UTF8.self)
    }
}

/// The system's words for an `errno` value.
func errnoText(_ code: Int32) -> String {
    String(cString: strerror(code))
}
