// JobRoutes: calls that become jobs, and jobs over HTTP. Jobs live on the control loop; other loops
// pass requests there and answers back.

internal import Bytes
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Notifier
internal import TLS

/// What the control loop says to a request about jobs.
private enum JobAnswer: Sendable {
    case json(status: Int, [UInt8], location: String?)
    case gone
    case unknown(String)
    case full(limit: Int)
    case failed(ModuleError)
}

extension GatewayLoop {
    /// Asks the control loop and answers with what it says.
    private func askJobs(
        _ exchange: Exchange,
        _ question: @escaping @Sendable (GatewayLoop, JobTable) -> JobAnswer
    ) {
        askControl(exchange, atOnce: true) { there, control, done in
            done(question(there, control.jobs))
        } respond: { _, exchange, answer in
            exchange.respond(answer)
        }
    }

    /// Begins a call whose caller does not wait, and answers where it can be looked at.
    func startJob(
        _ found: Found, _ params: UnsafeRawBufferPointer, _ exchange: Exchange, _ terms: CallTerms
    ) {
        let module = modules.facts[found.module].name
        let command = Array(found.name)
        let params = Payload(params)
        askJobs(exchange) { there, jobs in
            guard !jobs.isFull else {
                return .full(limit: there.facts.settings.jobs.count)
            }
            guard let index = Array(module.utf8).withUnsafeBytes({ there.modules.find($0) }) else {
                return .failed(.unknownModule(module))
            }
            return command.withUnsafeBytes { name in
                there.startJob(jobs, index, name, params, terms)
            }
        }
    }

    private func startJob(
        _ jobs: JobTable, _ index: Int, _ name: UnsafeRawBufferPointer, _ params: Payload,
        _ terms: CallTerms
    ) -> JobAnswer {
        let record = modules.findCommand(name, in: index).map { modules.command($0, of: index) }
        let found = Found(module: index, command: record, name: name)
        let outcome = jobs.add(
            id: Self.newJobID(), module: modules.facts[index].name,
            command: String(decoding: name, as: UTF8.self)
        ) { observer, completion in
            startCall(found, params.bytes, terms, observer: observer, completion)
        }
        switch outcome {
        case .failure(let error): return .failed(error)
        case .success(let job):
            return .json(
                status: 202, JSONBytes.make { job.write(&$0) },
                location: "\(facts.settings.basePath)/v1/jobs/\(job.id)")
        }
    }

    /// 128 random bits: whoever knows a job's id may read its result.
    private static func newJobID() -> String {
        var text = ByteBuffer()
        for byte in Random.bytes(count: 16) {
            text.append(ASCII.hexDigit(Int(byte >> 4)))
            text.append(ASCII.hexDigit(Int(byte & 15)))
        }
        return text.text()
    }

    func listJobs(_ exchange: Exchange) {
        askJobs(exchange) { _, jobs in
            .json(
                status: 200,
                JSONBytes.make { json in
                    json.beginObject()
                    json.key("jobs")
                    json.beginArray()
                    for job in jobs.all { job.write(&json, isListed: true) }
                    json.endArray()
                    json.endObject()
                }, location: nil)
        }
    }

    func showJob(_ exchange: Exchange, _ match: RouteMatch) {
        let id = String(decoding: capture(0, match, exchange), as: UTF8.self)
        askJobs(exchange) { _, jobs in
            guard let job = jobs.find(id) else { return .unknown(id) }
            return .json(status: 200, JSONBytes.make { job.write(&$0) }, location: nil)
        }
    }

    func deleteJob(_ exchange: Exchange, _ match: RouteMatch) {
        let id = String(decoding: capture(0, match, exchange), as: UTF8.self)
        askJobs(exchange) { _, jobs in
            guard let job = jobs.find(id) else { return .unknown(id) }
            jobs.delete(job)
            return .gone
        }
    }

    /// Tells the streams of a job that has begun or ended.
    func announce(_ job: Job) {
        let event = job.state == .running ? "started" : job.state.rawValue
        let (id, module, command) = (job.id, job.module, job.command)
        emitOwn("signalbox.job.\(event)") { json in
            json.key("job")
            json.string(id)
            json.key("module")
            json.string(module)
            json.key("command")
            json.string(command)
        }
    }
}

extension Exchange {
    fileprivate func respond(_ answer: JobAnswer) {
        switch answer {
        case .json(let status, let bytes, let location):
            if let location {
                extraFields.append("Location: ")
                extraFields.append(text: location)
                extraFields.append("\r\nPreference-Applied: respond-async\r\n")
            }
            bytes.withUnsafeBytes { respond(status, type: "application/json", $0) }
        case .gone: respond(204)
        case .unknown(let id):
            respondProblem(404, "unknown_job", "There is no job \"\(id)\".")
        case .full(let limit):
            extraFields.append("Retry-After: 10\r\n")
            respondProblem(
                429, "too_many_jobs",
                "As many jobs are kept as may be: \(limit) (jobs.count).")
        case .failed(let error): respondFailure(error)
        }
    }
}
