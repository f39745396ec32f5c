// ChildSpawn: from a ChildCommand to a running process: checks the words, connects the streams,
// starts it through CLinux. What happens to the process afterwards is Child's business.

internal import CLinux
internal import Glibc

/// The two ends of one of a child's streams.
struct StreamEnds: ~Copyable {
    /// Our end of the pipe, if there is one.
    var ours: Descriptor?
    private let theirs: Descriptor?

    /// The number the child gets: its end of the pipe, an inherited stream, or -1 for `/dev/null`.
    let childNumber: Int32

    /// A stream without a pipe.
    init(childNumber: Int32) {
        ours = nil
        theirs = nil
        self.childNumber = childNumber
    }

    /// A pipe of which the child reads or writes one end.
    ///
    /// Ours does not block; theirs does, as programs expect, for the two ends of a pipe have flags
    /// of their own. Not a socket pair: that takes 1.3 to 2 times the CPU per call (`cat` and a
    /// Python filter as children, messages of 200 bytes to 20 kB).
    init(childReads: Bool) throws(SystemError) {
        let pipe = try Pipe()
        let (read, write) = (pipe.read.number, pipe.write.number)
        try Descriptor.setNonBlocking(childReads ? write : read)
        childNumber = childReads ? read : write
        if childReads {
            theirs = .some(consume pipe.read)
            ours = .some(consume pipe.write)
        } else {
            theirs = .some(consume pipe.write)
            ours = .some(consume pipe.read)
        }
    }

    /// Connects a child's standard input.
    init(_ input: ChildCommand.Input) throws(SystemError) {
        switch input {
        case .pipe: try self.init(childReads: true)
        case .null: self.init(childNumber: -1)
        }
    }

    /// Connects an output stream of a child, which this process knows as `inherited`.
    init(_ output: ChildCommand.Output, inherited: Int32) throws(SystemError) {
        switch output {
        case .lines, .bytes: try self.init(childReads: false)
        case .null: self.init(childNumber: -1)
        case .inherit: self.init(childNumber: inherited)
        }
    }
}

extension ChildCommand {
    /// Starts the program with these streams and returns its process id, which is enrolled with the
    /// reaper.
    ///
    /// - Throws: `SystemError`: ENOENT, EACCES, EMFILE …; EINVAL if a word cannot be passed on.
    func start(input: Int32, output: Int32, error: Int32) throws(SystemError) -> Int32 {
        guard let program = arguments.first, !program.isEmpty else {
            throw SystemError("spawn", EINVAL, subject: "without a program")
        }
        let environment = try environmentWords()
        for word in arguments + environment where word.utf8.contains(0) {
            throw SystemError("spawn", EINVAL, subject: "\(program): a word holds NUL")
        }
        var pid: pid_t = 0
        var step = CLINUX_SPAWN_SETUP
        let code = withWords(arguments) { arguments in
            withWords(environment) { environment in
                withOptionalCString(directory) { directory in
                    var what = clinux_spawn()
                    what.path = arguments[0].map { UnsafePointer($0) }
                    what.arguments = UnsafePointer(arguments)
                    what.environment = UnsafePointer(environment)
                    what.directory = directory
                    what.input = input
                    what.output = output
                    what.error = error
                    what.dies_with_thread = outlivesStarter ? 0 : 1
                    return ChildReaper.enrol(&pid) { clinux_spawn(&what, $0, &step) }
                }
            }
        }
        guard code == 0 else {
            if step == CLINUX_SPAWN_DIRECTORY {
                throw SystemError("chdir", code, subject: directory ?? program)
            }
            throw SystemError(
                step == CLINUX_SPAWN_PROGRAM ? "execve" : "spawn", code, subject: program)
        }
        return pid
    }

    private func environmentWords() throws(SystemError) -> [String] {
        var words: [String] = []
        for (name, value) in environment {
            guard !name.isEmpty, !name.utf8.contains(UInt8(ascii: "=")) else {
                throw SystemError("spawn", EINVAL, subject: "environment name '\(name)'")
            }
            words.append("\(name)=\(value)")
        }
        return words
    }
}

/// Calls `body` with `words` as a C vector that ends with NULL.
private func withWords<Result>(
    _ words: [String],
    _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    var vector = words.map { strdup($0) }
    vector.append(nil)
    defer { for word in vector { free(word) } }
    return vector.withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { preconditionFailure("a vector has its NULL") }
        return body(base)
    }
}

private func withOptionalCString<Result>(
    _ text: String?, _ body: (UnsafePointer<CChar>?) -> Result
) -> Result {
    guard let text else { return body(nil) }
    return text.withCString { body($0) }
}
