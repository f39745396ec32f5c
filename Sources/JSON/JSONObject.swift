// JSONObject: the members of one object in the order they were written, found by key.

/// A JSON object: members in order, no key twice.
package struct JSONObject: Sendable {
    /// One member.
    package struct Member: Sendable {
        /// The key, decoded.
        package let key: String
        /// The value.
        package fileprivate(set) var value: JSONValue

        /// Makes a member.
        package init(key: String, value: JSONValue) {
            self.key = key
            self.value = value
        }
    }

    /// The members in the order they were written.
    package private(set) var members: [Member] = []

    // INVARIANT: empty up to `indexedFrom` members, beyond that the place of each key. Small
    // objects are the rule, and comparing a few keys is faster than hashing one.
    private var places: [JSONKey: Int] = [:]
    private static let indexedFrom = 9

    /// Makes an object without members.
    package init() {}

    /// Number of members.
    package var count: Int { members.count }

    /// Whether there are no members.
    package var isEmpty: Bool { members.isEmpty }

    /// The value under `key`, or nil; assigning nil removes the member, a new key comes last.
    package subscript(key: String) -> JSONValue? {
        get {
            guard let place = place(of: key) else { return nil }
            return members[place].value
        }
        set {
            if let newValue {
                if let place = place(of: key) {
                    members[place].value = newValue
                } else {
                    insert(key, newValue)
                }
            } else if let place = place(of: key) {
                members.remove(at: place)
                places.removeAll()
                index()
            }
        }
    }

    /// Adds a member behind the others; false, and nothing added, if the key is there already.
    package mutating func append(_ key: String, _ value: JSONValue) -> Bool {
        guard place(of: key) == nil else { return false }
        insert(key, value)
        return true
    }

    private mutating func insert(_ key: String, _ value: JSONValue) {
        members.append(Member(key: key, value: value))
        if places.isEmpty {
            index()
        } else {
            places[JSONKey(key)] = members.count - 1
        }
    }

    private mutating func index() {
        guard members.count >= Self.indexedFrom else { return }
        for (place, member) in members.enumerated() {
            places[JSONKey(member.key)] = place
        }
    }

    private func place(of key: String) -> Int? {
        if places.isEmpty {
            return members.firstIndex { JSONKey($0.key) == JSONKey(key) }
        }
        return places[JSONKey(key)]
    }
}

extension JSONObject: Hashable {
    /// Whether both have the same keys with equal values, in whatever order.
    package static func == (left: JSONObject, right: JSONObject) -> Bool {
        guard left.count == right.count else { return false }
        return left.members.allSatisfy { right[$0.key] == $0.value }
    }

    /// Feeds the members to `hasher` in a way that their order does not matter.
    package func hash(into hasher: inout Hasher) {
        var sum = 0
        for member in members {
            var each = hasher
            each.combine(JSONKey(member.key))
            each.combine(member.value)
            sum &+= each.finalize()
        }
        hasher.combine(count)
        hasher.combine(sum)
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    /// Makes an object of a literal; of a key that comes twice the last value counts.
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        for (key, value) in elements {
            self[key] = value
        }
    }
}
