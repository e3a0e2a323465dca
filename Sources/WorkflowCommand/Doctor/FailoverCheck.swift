import Hiredis

/// Looks at what keeps runs through a failover: the sentinels of the address, and the replicas of the primary.
struct FailoverCheck {
  let address: RedisAddress
  /// How many replicas wf waits for (`WF_WAIT_REPLICAS`).
  let awaited: Int

  private var hasSentinels: Bool { if case .sentinels = address.endpoint { true } else { false } }

  // MARK: The sentinels

  /// What the sentinels say; nothing is said where the address names none.
  func sentinelResults() async -> [CheckResult] {
    hasSentinels ? results(await address.sentinelReports()) : []
  }

  /// The same of reports.
  func results(_ reports: [SentinelReport]) -> [CheckResult] {
    let answers = reports.filter { $0.primary != nil }
    let silent = reports.filter { $0.primary == nil }
    var results = silent.map { report in
      CheckResult.warning(
        "the sentinel \(report.sentinel) does not report where the primary is: \(report.failure ?? "no answer")",
        remedy: report.remedy ?? "start it, or take it out of REDIS_URL")
    }
    let primaries = Set(answers.compactMap(\.primary))
    if primaries.count > 1 {
      let says = answers.map { "\($0.sentinel) says \($0.primary.map { "\($0)" } ?? "nothing")" }
      results.append(
        .failed(
          "the sentinels disagree on the primary: \(says.joined(separator: ", "))",
          remedy: "wait until a failover has ended, and look at the network between the sentinels"))
    } else if let primary = primaries.first {
      results.append(.ok("\(answers.count) of \(reports.count) sentinels name the primary \(primary)"))
    }
    return results + votes(answers)
  }

  /// Whether enough sentinels answer for a failover: the quorum says that the primary is down, and a majority of all
  /// sentinels elects the one that promotes a replica.
  private func votes(_ answers: [SentinelReport]) -> [CheckResult] {
    guard let facts = answers.compactMap(\.facts).max(by: { $0.sentinels < $1.sentinels }) else { return [] }
    let needed = max(facts.quorum, facts.sentinels / 2 + 1)
    let known = "\(facts.sentinels) sentinels watch it, quorum \(facts.quorum)"
    if facts.sentinels < 3 {
      return [
        .warning(
          "\(known): the death of one host may prevent a failover", remedy: "run three sentinels on three hosts")
      ]
    }
    if answers.count < needed {
      return [
        .warning(
          "\(known), and \(answers.count) of those in REDIS_URL answer: \(needed) are needed for a failover",
          remedy: "start the others, and name all of them in REDIS_URL")
      ]
    }
    return [.ok("\(known): \(needed) of them make a failover")]
  }

  // MARK: The replicas

  /// What the primary says of its replicas; nothing is said where it has none and none is expected.
  /// - Parameters:
  ///   - connected: replicas that follow it now; nil where it does not report them.
  ///   - least: its `min-replicas-to-write`; nil where it does not report it.
  func replicaResults(connected: Int?, least: Int?) -> [CheckResult] {
    guard let connected, hasSentinels || awaited > 0 || connected > 0 else { return [] }
    let count = "\(connected) replica\(connected == 1 ? "" : "s")"
    if connected < awaited {
      return [
        .failed(
          "WF_WAIT_REPLICAS is \(awaited), and \(count) follow\(connected == 1 ? "s" : "") the primary: submissions get 503",
          remedy: "start the replicas (REPLICAOF), or lower WF_WAIT_REPLICAS")
      ]
    }
    if connected == 0 {
      return [.warning("no replica follows the primary: no failover is possible", remedy: "start one (REPLICAOF)")]
    }
    let following = CheckResult.ok("\(count) follow\(connected == 1 ? "s" : "") the primary")
    // A primary whose replicas are awaited accepts nothing without them.
    guard awaited == 0, let least else { return [following] }
    if least > 0 {
      return [following, .ok("the primary takes writes only with replicas: min-replicas-to-write \(least)")]
    }
    return [
      following,
      .warning(
        "min-replicas-to-write is 0: a primary that is cut off accepts runs that the failover loses",
        remedy: """
          redis-cli CONFIG SET min-replicas-to-write 1 min-replicas-max-lag 2 && redis-cli CONFIG REWRITE, on every \
          server; or WF_WAIT_REPLICAS=1
          """),
    ]
  }
}
