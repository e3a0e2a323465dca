import LinuxSupport

/// What one sentinel of an address says of the primary, for people.
public struct SentinelReport: Sendable {
  /// What a sentinel knows of a primary beside its address.
  public struct Facts: Sendable {
    /// How many sentinels must agree that the primary is down.
    public let quorum: Int
    /// How many sentinels watch the primary, this one included.
    public let sentinels: Int
    /// How many replicas the primary has, whether or not they can be reached.
    public let replicas: Int
  }

  /// The sentinel.
  public let sentinel: RedisAddress.Host
  /// Where the primary is; nil when there is no answer.
  public let primary: RedisAddress.Host?
  /// What else it knows; nil when there is no answer, or when its user may not ask (`SENTINEL MASTER`).
  public let facts: Facts?
  /// Why there is no answer.
  public let failure: String?
  /// What an operator can do about that; nil if unknown.
  public let remedy: String?
}

extension RedisAddress {
  /// Asks all sentinels of the address at the same time; none where it has none.
  /// - Parameter patience: how long each may take to answer, its name resolved.
  public func sentinelReports(within patience: Duration = .seconds(2)) async -> [SentinelReport] {
    guard case .sentinels(let hosts, let name) = endpoint else { return [] }
    return await withTaskGroup(of: (Int, SentinelReport).self) { group in
      for (index, host) in hosts.enumerated() {
        let lookup = SentinelLookup(
          hosts: hosts, name: name, login: sentinelLogin, patience: patience, preference: .of(endpoint))
        group.addTask { (index, await lookup.report(of: host)) }
      }
      var reports: [(Int, SentinelReport)] = []
      for await report in group { reports.append(report) }
      return reports.sorted { $0.0 < $1.0 }.map(\.1)
    }
  }
}

extension SentinelLookup {
  /// Asks one sentinel on a separate thread.
  fileprivate func report(of host: RedisAddress.Host) async -> SentinelReport {
    await withUnsafeContinuation { continuation in
      do {
        try SystemThread.detach(name: "redis-sentinel") { continuation.resume(returning: blockingReport(of: host)) }
      } catch {
        continuation.resume(
          returning: SentinelReport(
            sentinel: host, primary: nil, facts: nil, failure: "cannot start a thread: \(error)", remedy: nil))
      }
    }
  }

  private func blockingReport(of host: RedisAddress.Host) -> SentinelReport {
    do throws(LinkFailure) {
      let primary = try primary(accordingTo: host)
      return SentinelReport(sentinel: host, primary: primary, facts: facts(from: host), failure: nil, remedy: nil)
    } catch {
      return SentinelReport(
        sentinel: host, primary: nil, facts: nil, failure: error.reason, remedy: error.remedy)
    }
  }

  private func facts(from host: RedisAddress.Host) -> SentinelReport.Facts? {
    var question: RedisArguments = ["SENTINEL", "MASTER"]
    question.append(name)
    guard let reply = try? SentinelQuestion(login: login, patience: patience).ask(question, at: host) else {
      return nil
    }
    let words = reply.array ?? []
    var facts: [String: Int] = [:]
    for index in stride(from: 0, to: words.count - 1, by: 2) {
      if let name = words[index].string { facts[name] = words[index + 1].int }
    }
    guard let quorum = facts["quorum"], let others = facts["num-other-sentinels"], let replicas = facts["num-slaves"]
    else { return nil }
    return SentinelReport.Facts(quorum: quorum, sentinels: others + 1, replicas: replicas)
  }
}
