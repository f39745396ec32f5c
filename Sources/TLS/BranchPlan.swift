// BranchPlan: which certificates go together into one SSL_CTX, and which names lead to it. A value
// without OpenSSL in it.

/// Which identities share a branch, and which names lead to each branch.
struct BranchPlan {
    /// For each branch, the indexes of its identities.
    private(set) var members: [[Int]] = []
    /// From name to branch.
    private(set) var names = ServerNames()
    /// Certificates that no name leads to.
    private(set) var warnings: [TLSWarning] = []

    /// Puts identities with the same names and different kinds of key together: OpenSSL then picks
    /// the one the client can verify.
    ///
    /// All others get a branch of their own.
    init(_ identities: [TLSIdentity]) {
        for (index, identity) in identities.enumerated() {
            let facts = identity.facts
            let branch = members.firstIndex { indexes in
                indexes.allSatisfy {
                    let other = identities[$0].facts
                    return other.keyKind != facts.keyKind && Set(other.names) == Set(facts.names)
                }
            }
            if let branch {
                members[branch].append(index)
                continue
            }
            var isReachable = index == 0
            for name in facts.names where names.add(name, index: members.count) {
                isReachable = true
            }
            if !isReachable { warnings.append(.unreachable(path: identity.files.chain)) }
            members.append([index])
        }
    }
}
