import Glibc
import Notifier
import Testing

@Suite struct SystemErrorTests {
    @Test(arguments: [
        (SystemError("bind", EACCES, subject: "0.0.0.0:80"), "bind 0.0.0.0:80: Permission denied"),
        (SystemError("pipe2", EMFILE), "pipe2: Too many open files"),
    ])
    func `an error names the call, its object and the reason`(error: SystemError, text: String) {
        #expect(error.description == text)
    }

    @Test func `the present errno is taken by default`() {
        errno = ENOENT
        #expect(SystemError("open").code == ENOENT)
    }
}
