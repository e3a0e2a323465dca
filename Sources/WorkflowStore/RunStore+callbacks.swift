import Hiredis
import LinuxSupport

/// A callback of a list, and its place there.
typealias FoundCallback = (place: CallbackCursor, callback: StoredCallback)

extension RunStore {
  /// Dead callbacks that are kept, the newest.
  static let keptDeadCallbacks = 10_000
  /// Why a callback has failed whose last attempt has no recorded end.
  static let abandoned = "no worker has lived to the end of the last attempts"

  /// Leases callbacks that are due.
  /// - Parameter last: Redis's clock at the caller's last turn, in microseconds; nil at its first.
  public func leaseCallbacks(_ lease: CallbackLease, after last: Int?) async throws(StoreError) -> CallbackTurn {
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(lease.token)
    arguments.append(lease.limit)
    arguments.append(lease.length.milliseconds)
    arguments.append(lease.attempts)
    arguments.append(Self.abandoned)
    arguments.append(limits.retain)
    arguments.append(Self.keptDeadCallbacks)
    arguments.append(last.map { "\($0)" } ?? "")
    arguments.append(lease.perHost)
    for (host, room, pause) in lease.rooms {
      arguments.append(host)
      arguments.append(room)
      arguments.append(pause.milliseconds)
    }
    let reply = try await evaluate(Scripts.calldue, [keys.callbacks, keys.deadCallbacks], arguments)
    guard let parts = reply.array, parts.count >= 2, let now = parts[0].int else {
      throw Self.damaged(Scripts.calldue, reply)
    }
    return CallbackTurn(
      now: now, next: parts[1].string.flatMap { Double($0) }.map { Int($0) },
      callbacks: parts.dropFirst(2).compactMap { StoredCallback(leased: $0) })
  }

  /// Records what became of an attempt. Safe to send twice.
  /// - Returns: whether it counts: not when the lease has become another's, or when the callback is gone.
  @discardableResult
  public func record(_ outcome: CallbackOutcome, of callback: StoredCallback) async throws(StoreError) -> Bool {
    let (word, wait, status, error): (String, Duration, Int?, String) =
      switch outcome {
      case .delivered(let status): ("delivered", .zero, status, "")
      case .repeated(let time, let status, let error): ("wait", time, status, error)
      case .dead(let status, let error): ("dead", .zero, status, error)
      case .givenBack: ("back", .zero, nil, "")
      }
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(callback.id)
    arguments.append(callback.token)
    arguments.append(word)
    arguments.append(wait.milliseconds)
    arguments.append(status.map { "\($0)" } ?? "")
    arguments.append(error)
    arguments.append(limits.retain)
    arguments.append(Self.keptDeadCallbacks)
    let reply = try await evaluate(Scripts.called, [keys.callbacks, keys.deadCallbacks], arguments)
    guard let answer = reply.string else { throw Self.damaged(Scripts.called, reply) }
    return answer == "recorded"
  }

  /// Has a callback sent again from its first attempt on.
  public func recallCallback(_ id: String) async throws(StoreError) -> CallbackRecall {
    switch try await recall(id, limit: 0).count {
    case 1: .recalled
    case -2: .busy
    default: .unknown
    }
  }

  /// Has dead callbacks sent again, the newest first.
  /// - Returns: how many, and how many are left.
  public func recallDeadCallbacks(limit: Int) async throws(StoreError) -> (count: Int, left: Int) {
    try await recall("", limit: limit)
  }

  private func recall(_ id: String, limit: Int) async throws(StoreError) -> (count: Int, left: Int) {
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(id)
    arguments.append(limit)
    let reply = try await evaluateSafely(Scripts.recall, [keys.callbacks, keys.deadCallbacks], arguments)
    guard let numbers = reply.array?.compactMap(\.int), numbers.count == 2 else {
      throw Self.damaged(Scripts.recall, reply)
    }
    return (numbers[0], numbers[1])
  }

  /// Reads one callback.
  public func callback(_ id: String) async throws(StoreError) -> StoredCallback? {
    try await callbacks("one", id, of: nil, after: nil).found.first?.callback
  }

  /// Reads callbacks, each with when it is due or was given up: those that wait, the first due first, or dead ones, the
  /// newest first.
  /// - Parameter owner: whose; nil for everybody's.
  /// - Returns: the callbacks, and where the look has ended if more may follow although they are fewer than `limit`.
  func callbacks(
    dead: Bool, of owner: String?, after cursor: CallbackCursor?, limit: Int
  ) async throws(StoreError) -> (found: [FoundCallback], end: CallbackCursor?) {
    try await callbacks(dead ? "dead" : "waiting", "\(limit)", of: owner, after: cursor)
  }

  private func callbacks(
    _ what: String, _ which: String, of owner: String?, after cursor: CallbackCursor?
  ) async throws(StoreError) -> (found: [FoundCallback], end: CallbackCursor?) {
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(what)
    arguments.append(which)
    arguments.append(cursor.map { "\($0.milliseconds)" } ?? "")
    arguments.append(cursor?.id ?? "")
    arguments.append(owner ?? "")
    let reply = try await evaluate(Scripts.calls, [keys.callbacks, keys.deadCallbacks], arguments)
    guard let entries = reply.array, let rest = entries.first?.array else {
      throw Self.damaged(Scripts.calls, reply)
    }
    let end = rest.first?.string.flatMap { Double($0) }.map { CallbackCursor(Int($0), rest.last?.string ?? "") }
    let found = entries.dropFirst().compactMap { entry -> FoundCallback? in
      guard let words = entry.array, words.count > 2, let id = words[0].string else { return nil }
      let time = words[1].string.flatMap { Double($0) }.map { Int($0) }
      let callback = StoredCallback(
        id: id, due: what == "dead" ? nil : time, fields: StoredCallback.fields(words[2...]))
      return (CallbackCursor(time ?? 0, id), callback)
    }
    return (found, end)
  }

  /// Counts the callbacks.
  public func callbackCounts() async throws(StoreError) -> CallbackCounts {
    let now = (try await send(["TIME"]).array?.first?.int ?? 0) * 1_000
    var dead: RedisArguments = ["ZCOUNT"]
    for word in [keys.deadCallbacks, "\(now - limits.retain * 1_000)", "+inf"] { dead.append(word) }
    var first: RedisArguments = ["ZRANGEBYSCORE"]
    for word in [keys.callbacks, "-inf", "+inf", "WITHSCORES", "LIMIT", "0", "1"] { first.append(word) }
    let replies = try await send([["ZCARD", keys.callbacks], dead, first])
    guard replies.count == 3 else { return CallbackCounts(waiting: 0, dead: 0, overdue: 0) }
    let due = replies[2].array?.last?.string.flatMap { Double($0) }.map { Int($0) } ?? now
    return CallbackCounts(
      waiting: replies[0].int ?? 0, dead: replies[1].int ?? 0, overdue: max(0, (now - due) / 1_000))
  }
}

extension StoredCallback {
  /// Reads what calldue.lua returns of a callback; nil when it is none. The lease is its due time.
  fileprivate init?(leased reply: RedisReply) {
    guard let words = reply.array, let id = words.first?.string else { return nil }
    self.init(id: id, due: 0, fields: Self.fields(words.dropFirst()))
  }

  fileprivate static func fields(_ words: ArraySlice<RedisReply>) -> [String: String] {
    var fields: [String: String] = [:]
    for index in stride(from: words.startIndex, to: words.endIndex - 1, by: 2) {
      if let name = words[index].string { fields[name] = words[index + 1].string }
    }
    return fields
  }
}
