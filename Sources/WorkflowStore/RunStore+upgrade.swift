import ExactJSON
import Hiredis
import Workflow

extension RunStore {
  /// Runs that are moved at once; each is one script.
  private static let upgradePortion = 100

  /// Moves queued runs that an older version has left to where this one takes them from, some at a time. Safe to call
  /// from several workers at once.
  ///
  /// What a worker of an older version holds, it finishes; what it loses returns to its queue, and is moved from there.
  /// Ended runs stay as they are.
  /// - Returns: how many were moved.
  public func upgrade() async throws(StoreError) -> Int {
    let lists = keys.formerQueues
    var command: RedisArguments = ["EXISTS"]
    for list in lists { command.append(list.key) }
    if try await send(command).int == 0 { return 0 }
    var moved = 0
    for list in lists {
      // The last first: each goes to the head.
      let ids = try await send(["LRANGE", list.key, "\(-Self.upgradePortion)", "-1"]).array ?? []
      for id in ids.compactMap(\.string).reversed() { moved += try await upgrade(id, in: list) }
    }
    return moved
  }

  private func upgrade(_ id: String, in list: (key: String, asSuspect: Bool)) async throws(StoreError) -> Int {
    var requirements: Set<String> = []
    // A job of another type is no run: the script drops its entry.
    do throws(StoreError) { if let id = JobID(id) { requirements = try await self.requirements(of: id) } } catch {
      if error.isTransient { throw error }
    }
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(id)
    arguments.append(RunClasses.text(of: requirements))
    arguments.append(list.asSuspect ? 1 : 0)
    arguments.append(limits.crashes)
    return try await evaluate(Scripts.upgrade, [list.key], arguments).int ?? 0
  }

  /// What a run requires of a worker, in either format.
  func requirements(of id: JobID) async throws(StoreError) -> Set<String> {
    let replies = try await send([
      ["HGET", keys.job(id), "steps"], ["GETRANGE", keys.documents(id), "0", "\(Self.shortDocuments)"],
    ])
    if let former = replies[0].bytesValue { return Self.requirements(in: former) }
    return Self.requirements(in: try await steps(of: id, beginning: replies[1].bytesValue ?? []) ?? [])
  }

  /// What steps require of a worker; nothing where they cannot be read: then any worker takes the run, and says so.
  static func requirements(in steps: [UInt8]) -> Set<String> {
    guard let stored = (try? JSONValue(deeply: steps)).flatMap(StoredSteps.init(json:)) else { return [] }
    return WorkflowDefinition(
      runName: "", inputs: [:], steps: stored.steps, failsFast: stored.failsFast,
      budget: stored.budget
    ).requirements
  }
}
