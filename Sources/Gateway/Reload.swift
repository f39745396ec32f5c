// Reload: what a HUP does, as programs that rotate logs and administrators send it: the log file is
// opened anew, level and format of the log are taken from the configuration as it is now, and
// certificates are read again. All else needs a restart, and one log line says both, as does the
// signal signalbox.config.reloaded.

internal import JSON
internal import Logging
internal import Notifier

/// Takes over what can change while the gateway serves.
///
/// Loop-confined, to the control loop.
final class Reload {
    private let settings: Settings
    private let environment: [String: String]
    private let reread: (@Sendable () throws(SettingsError) -> Settings)?
    private let control: GatewayLoop
    private let target: LogTarget
    private let sink: LogSink
    private let keeper: CertificateKeeper?
    private var isUnderWay = false
    private var waiting: [() -> Void] = []

    /// Prepares reloads of a gateway that was started with `settings`.
    ///
    /// - Parameter reread: reads the configuration anew, on a worker thread; nil if there is nothing
    ///   to read.
    init(
        _ settings: Settings, environment: [String: String],
        reread: (@Sendable () throws(SettingsError) -> Settings)?, control: GatewayLoop,
        target: LogTarget, sink: LogSink, keeper: CertificateKeeper?
    ) {
        self.settings = settings
        self.environment = environment
        self.reread = reread
        self.control = control
        self.target = target
        self.sink = sink
        self.keeper = keeper
    }

    /// Reloads what can be; calls `done` when all loops have it and the log says so.
    ///
    /// What is asked for during a reload comes after it.
    func run(_ done: @escaping () -> Void) {
        waiting.append(done)
        if !isUnderWay { begin() }
    }

    /// What one reload has come to, for its log line.
    private struct Account {
        var taken: [String] = []
        var left: [String] = []
        /// The first thing that went wrong, for programs.
        var reason: String?
        /// The configuration has changed where only a restart takes it.
        var needsRestart = false

        mutating func fail(_ what: String, _ reason: String) {
            left.append(what)
            self.reason = self.reason ?? reason
        }

        func write(_ json: inout JSONWriter) {
            json.key("ok")
            json.bool(reason == nil)
            json.key("reloaded")
            json.beginArray()
            for what in taken { json.string(what) }
            json.endArray()
            json.key("restart_needed")
            json.bool(needsRestart)
            guard let reason else { return }
            json.key("reason")
            json.string(reason)
        }

        var sentence: String {
            let parts = [
                taken.isEmpty ? nil : "reloaded: " + taken.joined(separator: ", "),
                left.isEmpty ? nil : "not reloaded: " + left.joined(separator: ", "),
            ]
            return parts.compactMap { $0 }.joined(separator: "; ")
        }
    }

    private func begin() {
        isUnderWay = true
        let finished = waiting
        waiting = []
        var account = Account()
        reopenLog(&account)
        readSettings(account) { [unowned self] account in
            readCertificates(account) { [unowned self] account in
                control.log(account.left.isEmpty ? .notice : .warning, account.sentence)
                control.emitOwn("signalbox.config.reloaded") { account.write(&$0) }
                isUnderWay = false
                for done in finished { done() }
                if !waiting.isEmpty { begin() }
            }
        }
    }

    private func reopenLog(_ account: inout Account) {
        guard settings.log.file != nil else { return }
        do throws(LogFileError) {
            try target.reopen()
            account.taken.append("the log file")
        } catch {
            account.fail("the log file (\(error))", "\(error)")
        }
    }

    private func readSettings(_ account: Account, _ then: @escaping (Account) -> Void) {
        guard let reread else {
            then(account)
            return
        }
        var account = account
        do {
            try control.workerPool().run(on: control.loop) { _ in
                do throws(SettingsError) {
                    return Result<Settings, SettingsError>.success(try reread())
                } catch {
                    return .failure(error)
                }
            } then: { [unowned self] result in
                // The work itself throws nothing.
                if case .success(let found) = result { take(found, &account) }
                then(account)
            }
        } catch {
            account.fail("the configuration (\(error))", "\(error)")
            then(account)
        }
    }

    private func take(_ found: Result<Settings, SettingsError>, _ account: inout Account) {
        switch found {
        case .success(let fresh):
            sink.configure(fresh.log, environment: environment)
            account.taken.append("level and format of the log")
            var rest = fresh
            rest.log.level = settings.log.level
            rest.log.format = settings.log.format
            if rest != settings {
                account.needsRestart = true
                account.left.append(
                    "what else has changed in the configuration, which needs a restart")
            }
        case .failure(let error):
            control.log(.error, "\(error)")
            account.fail(
                "the configuration, which is not usable", error.faults.first?.description ?? "")
        }
    }

    private func readCertificates(_ account: Account, _ then: @escaping (Account) -> Void) {
        guard let keeper else {
            then(account)
            return
        }
        keeper.reload { fault in
            var account = account
            // The log has which, and why not.
            account.taken.append("certificates")
            account.reason = account.reason ?? fault
            then(account)
        }
    }
}
