import Tracing
import Workflow
import WorkflowStore

extension APIServer {
  /// Every route but that of the OpenAPI document, which names them all. Of several that match a path the first counts.
  static func routes(
    catalog: OperationCatalog, partitions: Partitions, documents: Partitions, events: RunEvents,
    submissions: GroupSubmit, quotas: Quotas, spans: (any SpanRecorder)?,
    warnings: @escaping @Sendable () -> [String], metrics: MetricsCollector
  ) -> [any Route] {
    let schedules = Schedules(catalog: catalog, partitions: partitions, submissions: submissions)
    return [
      SubmitRoute(
        catalog: catalog, submissions: submissions, allowance: RunAllowance(partitions),
        spans: spans),
      OperationsRoute(catalog: catalog),
      ScheduleListRoute(schedules: schedules),
      ScheduleRoute(schedules: schedules),
      PutScheduleRoute(schedules: schedules),
      DeleteScheduleRoute(schedules: schedules),
      StoreRoute(partitions: partitions, documents: documents, quotas: quotas),
      DeleteStoreRoute(partitions: partitions, submissions: submissions),
      CallbackListRoute(partitions: partitions),
      CallbackRoute(partitions: partitions),
      RetryCallbackRoute(callbacks: CallbackRecalls(partitions: partitions, submissions: submissions)),
      RetryDeadCallbacksRoute(callbacks: CallbackRecalls(partitions: partitions, submissions: submissions)),
    ]
      + control(partitions) + [
        ListRoute(partitions: partitions),
        CountsRoute(partitions: partitions),
        UsageRoute(partitions: partitions),
        WorkersRoute(catalog: catalog),
        DrainRoute(isDraining: true, partitions: partitions, catalog: catalog),
        DrainRoute(isDraining: false, partitions: partitions, catalog: catalog),
        MetricsRoute(collector: metrics),
        HealthRoute(partitions: partitions, catalog: catalog, warnings: warnings),
        StatusRoute(partitions: partitions, documents: documents, events: events, quotas: quotas),
        EventsRoute(partitions: documents, events: events, quotas: quotas, heartbeat: .seconds(15)),
      ]
  }

  /// The routes that steer runs; those for all runs of a filter first.
  private static func control(_ partitions: Partitions) -> [any Route] {
    [
      BulkRoute(action: .control(.cancel), partitions: partitions),
      BulkRoute(action: .control(.pause), partitions: partitions),
      BulkRoute(action: .control(.resume), partitions: partitions),
      BulkRoute(action: .retry, partitions: partitions),
      ControlRoute(verb: .cancel, partitions: partitions),
      ControlRoute(verb: .pause, partitions: partitions),
      ControlRoute(verb: .resume, partitions: partitions),
      RetryRoute(partitions: partitions),
      RerunRoute(partitions: partitions),
    ]
  }
}
