import Hiredis
import Workflow
import WorkflowOperations
import WorkflowStore

/// What every worker does beside its own runs: for the runs of dead workers, parked runs, schedules, the inbox and the
/// metrics.
extension Worker {
  /// Starts what every worker does beside its own runs.
  /// - Parameters:
  ///   - large: for the inbox, so that no large entry delays a claim.
  ///   - sender: sends what the worker counts.
  func lookAfterOthers(
    _ claims: RedisConnection, _ large: RedisConnection, _ name: String, _ sender: MetricsSender,
    unless check: @escaping @Sendable () async -> PartitionCheck
  ) -> [Task<Void, Never>] {
    [
      Task { await recover(claims, name) },
      Task { await runTimers(claims) },
      Task { if await check() == .fits { await keepSchedules(claims) } },
      Task { if await check() == .fits { await readInbox(large, name) } },
      Task { if await check() == .fits { await sender.run() } },
    ]
  }

  /// Returns the runs of dead workers to their queues, in all partitions at the same time.
  private func recover(_ connection: RedisConnection, _ name: String) async {
    let outages = OutageLog("the look for runs of dead workers", logger: logger)
    await withTaskGroup { group in
      for store in partitions(connection).all {
        group.addTask { [lease = configuration.lease, logger] in
          var recoverer = Recoverer(store: store, worker: name, lease: lease, outages: outages, logger: logger)
          await recoverer.run()
        }
      }
    }
  }

  /// Returns parked runs to their queues when their time has come, in all partitions at the same time.
  private func runTimers(_ connection: RedisConnection) async {
    let outages = OutageLog("the look at the timers", logger: logger)
    await withTaskGroup { group in
      for store in partitions(connection).all {
        group.addTask { [logger] in await RunTimers(store: store, outages: outages, logger: logger).run() }
      }
    }
  }

  /// Fires the ticks of schedules, in all partitions at the same time.
  private func keepSchedules(_ connection: RedisConnection) async {
    let outages = OutageLog("the look at schedules", logger: logger)
    await withTaskGroup { group in
      for (number, store) in partitions(connection).all.enumerated() {
        group.addTask { [partitionCount, logger] in
          var keeper = ScheduleKeeper(
            store: store, partition: (number, partitionCount), outages: outages, logger: logger)
          await keeper.run()
        }
      }
    }
  }

  /// Takes runs out of the inbox. Where partitions are on several servers, each has a list, and entries of the public
  /// one are moved there.
  private func readInbox(_ connection: RedisConnection, _ name: String) async {
    let definitions = DefinitionReader(
      operations: registry.schemas, maxStepBytes: configuration.maxOutputBytes,
      callbacks: CallbackAccess.check(callbacks?.access))
    let partitions = partitions(connection, timeout: .seconds(30))
    let entries = InboxEntryReader(definitions: definitions, maxBodyBytes: configuration.maxBodyBytes)
    let outages = OutageLog("the look into the inbox", logger: logger)
    guard partitions.isSpread else {
      return await InboxReader(partitions: partitions, entries: entries, worker: name, outages: outages, logger: logger)
        .run()
    }
    await withTaskGroup { group in
      group.addTask { [logger] in
        await InboxForwarder(partitions: partitions, entries: entries, worker: name, logger: logger).run()
      }
      for (number, store) in partitions.all.enumerated() {
        group.addTask { [logger] in
          var reader = InboxReader(
            partitions: Partitions(store), entries: entries, worker: name, outages: outages, logger: logger)
          reader.isOwn = { partitions.number(of: $0) == number }
          await reader.run()
        }
      }
    }
  }
}
