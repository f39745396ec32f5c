// ChildCommand: what to start and how its three streams are connected. A value; starting it is
// Child's business.

/// A program to start as a child.
public struct ChildCommand: Sendable {
    /// What the child's standard input is connected to.
    public enum Input: Sendable {
        /// A pipe, written through `Child.input`.
        case pipe
        /// `/dev/null`.
        case null
    }

    /// What one of the child's output streams is connected to.
    public enum Output: Sendable {
        /// A pipe whose bytes are delivered line by line.
        ///
        /// A line ends with LF or CRLF, which is not part of it; `maxLength` bounds it in bytes.
        case lines(maxLength: Int)
        /// A pipe whose bytes are delivered as they come.
        case bytes
        /// `/dev/null`.
        case null
        /// The same stream of this process.
        case inherit
    }

    /// The program and its arguments.
    ///
    /// The first is looked up in the PATH of this process unless it contains a slash; a relative
    /// path is taken from `directory`.
    public var arguments: [String]

    /// The whole environment of the child: nothing is inherited.
    public var environment: [(String, String)]

    /// The child's working directory; nil: that of this process.
    public var directory: String?

    /// Standard input.
    public var input: Input

    /// Standard output.
    public var output: Output

    /// Standard error.
    public var error: Output

    /// Whether processes that the child leaves behind in its process group live on when it has
    /// ended; otherwise they are killed.
    public var leavesGroup = false

    /// Whether the child lives on when the thread that started it has ended.
    ///
    /// Otherwise the kernel kills the child then (`PR_SET_PDEATHSIG`), so that none outlives a
    /// process that was killed or has crashed. What the child started itself is not reached by that,
    /// nor is a program that runs with the rights of another user. A loop that is run by several
    /// threads, one after the other, wants children that live on.
    public var outlivesStarter = false

    /// How long, after the child itself has ended, the end of its output is awaited if a process it
    /// left behind holds the pipe.
    ///
    /// What then lies in the pipe, at most 1 MiB, is still delivered, and the exit is reported.
    public var lingerTime = Duration.milliseconds(100)

    /// Describes a child; by default its input is a pipe and both outputs are read as lines of at
    /// most 1 MiB.
    public init(
        _ arguments: [String], environment: [(String, String)] = [], directory: String? = nil,
        input: Input = .pipe, output: Output = .lines(maxLength: 1 << 20),
        error: Output = .lines(maxLength: 1 << 20)
    ) {
        self.arguments = arguments
        self.environment = environment
        self.directory = directory
        self.input = input
        self.output = output
        self.error = error
    }
}
