// PEMFile: a whole small file in memory, so that an error can name the file and the system's
// reason, which OpenSSL's own file functions bury in a queue.

internal import COpenSSL
internal import Glibc

/// The bytes of a certificate, key, list of authorities or OCSP response.
struct PEMFile {
    /// Where the bytes come from.
    let path: String
    /// The bytes; not empty.
    let bytes: [UInt8]
    /// Whether users other than owner and group may read it.
    let isReadableByOthers: Bool

    /// Larger than any list of authorities (Mozilla's has 250 KiB), smaller than a mistake.
    private static let limitBytes = 4 << 20

    /// Reads `path`.
    ///
    /// - Throws: `TLSError.file`.
    init(path: String) throws(TLSError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.systemError(path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Self.systemError(path) }
        guard status.st_mode & S_IFMT != S_IFDIR else {
            throw .file(path: path, reason: "is a directory")
        }
        var content: [UInt8] = []
        while content.count <= Self.limitBytes {
            var count = 0
            // SAFETY: read fills at most the capacity it is told, and `count` is what it filled.
            let chunk = [UInt8](unsafeUninitializedCapacity: 16 << 10) { buffer, initialized in
                count = read(descriptor, buffer.baseAddress, buffer.count)
                initialized = max(count, 0)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Self.systemError(path) }
            guard count > 0 else { break }
            content += chunk
        }
        guard content.count <= Self.limitBytes else {
            throw .file(path: path, reason: "is larger than 4 MiB")
        }
        guard !content.isEmpty else { throw .file(path: path, reason: "is empty") }
        self.path = path
        bytes = content
        isReadableByOthers = status.st_mode & S_IROTH != 0
    }

    /// Calls `body` with a BIO that reads the bytes.
    ///
    /// - Throws: what `body` throws, or `TLSError.unavailable`.
    func withReader<Result>(
        _ body: (OpaquePointer) throws(TLSError) -> Result
    ) throws(TLSError) -> Result {
        try bytes.withUnsafeBufferPointer { (bytes) throws(TLSError) in
            ErrorQueue.clear()
            guard let reader = BIO_new_mem_buf(bytes.baseAddress, Int32(clamping: bytes.count))
            else { throw .unavailable(ErrorQueue.takeReason()) }
            defer {
                BIO_free(reader)
                ErrorQueue.clear()
            }
            return try body(reader)
        }
    }

    /// The certificates of a PEM file in order; the caller frees each one.
    ///
    /// - Throws: `TLSError.file` if there is none or one is damaged.
    func readCertificates() throws(TLSError) -> [OpaquePointer] {
        try withReader { (reader) throws(TLSError) in
            var certificates: [OpaquePointer] = []
            while let certificate = PEM_read_bio_X509(reader, nil, copenssl_no_password, nil) {
                certificates.append(certificate)
            }
            let last = ERR_peek_last_error()
            let isAtEnd =
                copenssl_error_library(last) == ERR_LIB_PEM
                && copenssl_error_reason(last) == PEM_R_NO_START_LINE
            guard isAtEnd, !certificates.isEmpty else {
                for certificate in certificates { X509_free(certificate) }
                throw .file(
                    path: path,
                    reason: isAtEnd ? "holds no PEM certificate" : "holds a damaged certificate")
            }
            return certificates
        }
    }

    private static func systemError(_ path: String) -> TLSError {
        let number = errno
        if number == ENOENT { return .file(path: path, reason: "no such file") }
        return .file(path: path, reason: String(cString: strerror(number)))
    }
}
