import Glibc
import Hiredis
import SystemHarness

/// What happens to Redis where it runs on several hosts.
extension Faults {
  /// Harms a primary; over when all servers are in their places again.
  func harm(_ topology: any Topology, _ harm: Harm, _ fault: Fault) async {
    guard let server = await topology.primaries().randomElement(using: &generator) else { return }
    switch harm {
    case .kill(let time):
      await stop(server, for: time, topology, fault, server.kill, again: server.start)
    case .pause(let time):
      timeline.rivalCame()
      await stop(server, for: time, topology, fault, server.pause, again: server.resume)
    case .cut(let time): await cut(server, for: time, topology, fault)
    }
    await waitUntilWhole(topology)
    note("all servers are in their places")
    timeline.rivalWent()
    await rest(.seconds(1))
  }

  /// Has a primary serve nothing for a while.
  private func stop(
    _ server: HostedServer, for time: Duration, _ topology: any Topology, _ fault: Fault, _ stop: () -> Void,
    again: () -> Void
  ) async {
    count(fault)
    timeline.redisWent()
    stop()
    async let failover: Void = failOver()
    await stayAway(server, for: time, topology)
    note("the primary of host \(server.host) is back")
    again()
    await failover
  }

  /// Waits until a primary may come back. One that is back in the second in which another is promoted, but the other
  /// replicas do not know of that yet, takes writes that they acknowledge and lose: that many replicas are too few.
  private func stayAway(_ server: HostedServer, for time: Duration, _ topology: any Topology) async {
    let start = ContinuousClock.now
    await rest(time)
    if site.waitReplicas == topology.replicas || time < Harm.unnoticed { return }
    while .now - start < .seconds(30), await !topology.isReplaced(server) { await rest(.milliseconds(100)) }
  }

  /// The worker of that host stays with the primary that is there, and loses runs to the others. Theirs may be taken by
  /// it, where that primary has them.
  private func cut(_ server: HostedServer, for time: Duration, _ topology: any Topology, _ fault: Fault) async {
    let host = server.host
    let worker = "worker-\(host)"
    guard !troubled.contains(worker), let id = await victim(worker) else { return }
    troubled.insert(worker)
    count(fault)
    timeline.redisWent()
    timeline.workerWent(worker)
    timeline.rivalCame()
    do {
      absences.cutBegan(host, primaries: await topology.primaries(of: stack.prefixes, without: host))
      let start = ContinuousClock.now
      try await topology.network.cut(host)
      async let failover: Void = failOver()
      async let others: Void = recoveries.follow(worker, id, from: start, until: start + time)
      await stayAway(server, for: time, topology)
      note("host \(host) is joined again")
      try await topology.network.join(host)
      absences.cutEnded(primaries: await topology.primaries(of: stack.prefixes, without: host))
      _ = await (failover, others)
    } catch {
      surprise("the network did not change: \(error)")
    }
    await waitUntilWhole(topology)
    timeline.workerCame(worker)
    troubled.remove(worker)
  }

  /// Has an operator change the servers.
  func change(_ topology: any Topology, _ change: String, _ fault: Fault) async {
    guard await topology.defect() == nil else { return }
    count(fault)
    do {
      try await topology.make(change: change)
    } catch {
      surprise("\(change): \(error)")
    }
    await waitUntilWhole(topology)
    await rest(.seconds(1))
  }

  private func waitUntilWhole(_ topology: any Topology) async {
    do {
      try await topology.waitUntilWhole()
    } catch {
      surprise("\(error)")
    }
  }

  /// Waits until a primary takes writes, and enough replicas have them; notes how long that took.
  private func failOver() async {
    let start = ContinuousClock.now
    let found = try? await wait("a primary") { () -> Bool? in
      for prefix in stack.prefixes {
        let key = "chaos:" + prefix
        let primary = stack.redis.routed(to: key)
        let written = try? await ask(primary, "SET", key, "1", "EX", "1")
        let replicas = try? await ask(primary, "WAIT", "\(max(1, site.waitReplicas))", "500")
        guard written != nil, let count = replicas?.int, count >= max(1, site.waitReplicas) else { return nil }
      }
      return true
    }
    if found == nil { surprise("no primary took writes for a minute") }
    note("a primary takes writes")
    failovers.append(.now - start)
    timeline.redisCame()
  }

  private func ask(_ redis: RedisConnection, _ words: String...) async throws -> RedisReply {
    var arguments = RedisArguments()
    for word in words { arguments.append(word) }
    return try await redis.send(arguments, timeout: .seconds(1))
  }
}
