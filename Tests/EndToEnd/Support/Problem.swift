// What an RFC 9457 problem document must hold, whoever made it.

import Testing

/// The members of a problem document that tests look at.
struct Problem: Decodable {
    var type: String
    var title: String
    var status: Int
    var detail: String?
    var code: String
    var requestID: String
    var isRetryable: Bool
    var module: String?
    var stderr: [String]?

    /// Names of the members on the wire.
    enum CodingKeys: String, CodingKey {
        case type, title, status, detail, code, module, stderr
        case requestID = "request_id"
        case isRetryable = "retryable"
    }
}

extension CurlAnswer {
    /// Expects a problem document with `status`, and returns it.
    func expectProblem(_ status: Int, sourceLocation: SourceLocation = #_sourceLocation) throws
        -> Problem
    {
        #expect(self.status == status, "\(body)", sourceLocation: sourceLocation)
        #expect(
            fields["content-type"] == "application/problem+json", sourceLocation: sourceLocation)
        let problem = try decode(Problem.self)
        #expect(problem.status == status, sourceLocation: sourceLocation)
        #expect(problem.requestID == fields["x-request-id"], sourceLocation: sourceLocation)
        #expect(!problem.title.isEmpty, sourceLocation: sourceLocation)
        return problem
    }
}
