// ProgramCheck: whether the programs and folders that a configuration names are there. Asked for by
// check-config and run; a gateway that serves goes on without them, and says so in each module.

internal import Glibc

extension Gateway {
    /// What is missing of the programs and folders of `settings`: each a sentence with its key path.
    public static func missingPrograms(of settings: Settings) -> [String] {
        settings.modules.flatMap(missing) + settings.reactions.flatMap(missing)
    }

    private static func missing(_ module: Settings.Module) -> [String] {
        let place = "modules.\(module.name)"
        switch module.kind {
        case .process(let process):
            return faults("\(place).command", process.command, process.child.directory, place)
        case .exec(let exec):
            var found = faults("\(place).exec", exec.exec, exec.child.directory, place)
            for command in module.commands {
                guard let own = command.exec, own.first != exec.exec.first else { continue }
                found += faults(
                    "\(place).commands.\(command.name).exec", own, exec.child.directory, nil)
            }
            return found
        case .upstream, .reply, .builtin: return []
        }
    }

    private static func missing(_ reaction: Settings.Reaction) -> [String] {
        guard case .exec(let program) = reaction.action else { return [] }
        let place = "reactions.\(reaction.name)"
        return faults("\(place).exec", program.run.exec, program.run.child.directory, place)
    }

    private static func faults(
        _ key: String, _ command: [String], _ directory: String, _ place: String?
    ) -> [String] {
        var faults: [String] = []
        if let program = command.first, let problem = problem(ofProgram: program) {
            faults.append("\(key): \(problem)")
        }
        if let place, !isFolder(directory) {
            faults.append("\(place).directory: there is no folder \(directory)")
        }
        return faults
    }

    /// Why `program` cannot be started, looked up as a child's is: by path, or in PATH.
    private static func problem(ofProgram program: String) -> String? {
        if program.contains("/") {
            guard access(program, F_OK) == 0 else { return "there is no program \(program)" }
            return isExecutable(program) ? nil : "\(program) is not executable"
        }
        let path = Environment.value("PATH") ?? "/usr/local/bin:/usr/bin:/bin"
        for folder in path.split(separator: ":") where isExecutable("\(folder)/\(program)") {
            return nil
        }
        return "there is no program \"\(program)\" in PATH (\(path))"
    }

    private static func isExecutable(_ path: String) -> Bool {
        access(path, X_OK) == 0 && !isFolder(path)
    }

    private static func isFolder(_ path: String) -> Bool {
        var facts = stat()
        return stat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFDIR
    }
}
