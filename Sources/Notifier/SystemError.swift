// SystemError: a system call that failed, in words an operator can act on.

public import Glibc

/// A failed system call.
public struct SystemError: Error, Equatable, CustomStringConvertible {
    /// The call that failed, such as `bind`.
    public let call: String

    /// The value of `errno`.
    public let code: Int32

    /// What the call was about, such as an address or a path; may be empty.
    public let subject: String

    /// Describes the failure of `call` with `code`, the present `errno` by default.
    public init(_ call: String, _ code: Int32 = errno, subject: String = "") {
        self.call = call
        self.code = code
        self.subject = subject
    }

    /// `bind 127.0.0.1:80: Permission denied`.
    public var description: String {
        let reason = String(cString: strerror(code))
        return subject.isEmpty ? "\(call): \(reason)" : "\(call) \(subject): \(reason)"
    }
}
