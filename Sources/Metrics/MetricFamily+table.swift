/// Every family, in the order in which they are shown. The page Monitoring lists them.
extension MetricFamily {
  // MARK: What is there now

  /// Whether Redis answers the API.
  public static let redisUp = gauge("wf_redis_up", "Whether Redis answered the API for this scrape.")
  /// Partitions that do not answer.
  public static let partitionsDown = gauge(
    "wf_partitions_down", "Partitions whose server, of several, did not answer the API; the other figures lack them.")
  /// The version of the API.
  public static let build = gauge("wf_build_info", by: ["version"], "Always 1; the version of the API.")
  /// Runs in queues.
  public static let runsQueued = gauge("wf_runs_queued", "Queued runs that a worker may take now.")
  /// Runs held by workers.
  public static let runsStarted = gauge("wf_runs_started", "Runs that workers hold.")
  /// Runs that wait for a time.
  public static let runsParked = gauge(
    "wf_runs_parked", "Queued runs that wait for a time, such as the next attempt of a step, or are paused.")
  /// Paused runs.
  public static let runsPaused = gauge("wf_runs_paused", "Paused runs.")
  /// The age of the oldest run that waits.
  public static let queueAge = gauge(
    "wf_queue_oldest_age_seconds", "Age of the oldest run at the head of a queue, since its submission.")
  /// The age of the oldest run that works.
  public static let runningAge = gauge(
    "wf_running_oldest_age_seconds", "Age of the oldest started run, since it was first taken.")
  /// Live workers.
  public static let workers = gauge("wf_workers", by: ["state"], "Live workers by what they do with queued runs.")
  /// Places of live workers.
  public static let places = gauge("wf_worker_places", "Runs that the live workers may work on at one time.")
  /// Places in use.
  public static let placesUsed = gauge("wf_worker_places_used", "Runs that the live workers hold.")
  /// How late recovery is.
  public static let recoveryOverdue = gauge(
    "wf_recovery_overdue_seconds",
    "Seconds for which no worker has looked for the runs of dead workers; 0 when one has.")
  /// Entries of the inbox.
  public static let inboxEntries = gauge("wf_inbox_entries", "Entries of the inbox that no worker has taken yet.")
  /// Callbacks that wait.
  public static let callbacksWaiting = gauge("wf_callbacks_waiting", "Callbacks that are not delivered yet.")
  /// Callbacks that were given up.
  public static let callbacksDead = gauge("wf_callbacks_dead", "Callbacks that were given up and are kept.")

  // MARK: Requests

  /// Requests.
  public static let requests = counter(
    "wf_http_requests_total", by: ["method", "status", "route"], "Requests that the API has answered.")
  /// How long they took.
  public static let requestSeconds = seconds(
    "wf_http_request_seconds", by: ["method", "route"],
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
    "Seconds from a request to its answer; of a stream, to its beginning.")

  // MARK: Runs

  /// Ends of runs.
  public static let runsEnded = counter(
    "wf_runs_ended_total", by: ["outcome"], initial: [["finished"], ["failed"], ["cancelled"]], "Runs that have ended.")
  /// Failures of runs.
  public static let runsFailed = counter(
    "wf_runs_failed_total", by: ["code"],
    initial: [
      ["timeout"], ["rate_limited"], ["provider_unavailable"], ["provider_rejected"], ["invalid_answer"],
      ["reference_missing"], ["output_too_large"], ["budget_exceeded"], ["operation_failed"], ["worker_crashed"],
      ["invalid_request"],
    ], "Runs that have failed, by error code.")
  /// How long runs waited.
  public static let runWaitSeconds = seconds(
    "wf_run_queue_seconds",
    [0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3_600, 14_400],
    "Seconds that a run waited for a worker, from its submission or the start that it asked for.")
  /// How long runs worked.
  public static let runSeconds = seconds(
    "wf_run_seconds",
    [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400],
    "Seconds from the first start of a run to its end, of runs that have finished or failed.")
  /// Ends of steps.
  public static let steps = counter("wf_steps_total", by: ["outcome", "op"], "Steps that have ended.")
  /// Attempts of steps.
  public static let attempts = counter(
    "wf_step_attempts_total", by: ["code", "op"],
    "Attempts of steps and of items, by error code; ok when they succeeded.")
  /// How long they took.
  public static let attemptSeconds = seconds(
    "wf_step_attempt_seconds", by: ["op"],
    [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600],
    "Seconds that attempts of steps and of items took.")
  /// Placeholders.
  public static let fallbacks = counter(
    "wf_fallbacks_total", "Steps whose summary is the placeholder's because the model had failed for good.")

  // MARK: Recovery

  /// Lost leases.
  public static let leasesLost = counter(
    "wf_leases_lost_total", "Runs that a live worker had to leave because its lease had ended.")
  /// Leases that recovery has taken.
  public static let leasesRecovered = counter(
    "wf_leases_recovered_total", by: ["outcome"], initial: [["requeued"], ["failed"], ["dropped"]],
    "Leases that had ended and that recovery has taken, by what became of the run.")
  /// Crashes.
  public static let crashes = counter(
    "wf_run_crashes_total", "Times that a run counts as having taken down its worker.")
  /// Repairs.
  public static let repairs = counter(
    "wf_repairs_total", by: ["what"],
    initial: [
      ["callbacks_of_wrong_type"], ["entries_without_job"], ["leases_without_run"], ["logs_of_wrong_type"],
      ["runs_without_entry"], ["runs_without_lease"], ["unknown_classes"],
    ], "What was found broken in Redis and was repaired.")

  // MARK: Models

  /// Calls of models.
  public static let modelCalls = counter(
    "wf_model_calls_total", by: ["outcome", "model"], "Calls of models, by how they ended.")
  /// How long they took.
  public static let modelSeconds = seconds(
    "wf_model_call_seconds", by: ["model"], [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600],
    "Seconds that calls of models took.")
  /// Until they said something.
  public static let firstTokenSeconds = seconds(
    "wf_model_first_token_seconds", by: ["model"], [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300],
    "Seconds until the first text of a model's answer, of calls whose text is passed on as it comes.")
  /// What they used.
  public static let modelTokens = counter(
    "wf_model_tokens_total", by: ["kind", "model"],
    "Tokens of models; cached ones are among the input, those of reasoning among the output.")
  /// What they cost.
  public static let modelCost = counter(
    "wf_model_cost_total", by: ["model"], scale: 1_000_000_000, "What models have cost, in the unit of their prices.")

  // MARK: Redis

  /// How long commands took.
  public static let redisSeconds = seconds(
    "wf_redis_command_seconds", by: ["process", "command"],
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1, 5],
    "Seconds from a command or script to its reply, by the name of the script; other for single commands.")
  /// Commands without a reply.
  public static let redisFailures = counter(
    "wf_redis_command_failures_total", by: ["process"], initial: [["api"], ["worker"]],
    "Commands and scripts that Redis did not answer in time.")
  /// Reconnects.
  public static let redisReconnects = counter(
    "wf_redis_reconnects_total", by: ["process"], initial: [["api"], ["worker"]],
    "Connections to Redis that were made again after they had been lost.")

  // MARK: All

  /// Every family.
  public static let all: [MetricFamily] = [
    redisUp, partitionsDown, build, runsQueued, runsStarted, runsParked, runsPaused, queueAge, runningAge, workers,
    places, placesUsed,
    recoveryOverdue, inboxEntries, callbacksWaiting, callbacksDead, requests, requestSeconds, runsEnded, runsFailed,
    runWaitSeconds, runSeconds, steps, attempts, attemptSeconds, fallbacks, leasesLost, leasesRecovered, crashes,
    repairs, modelCalls, modelSeconds, firstTokenSeconds, modelTokens, modelCost, redisSeconds, redisFailures,
    redisReconnects,
  ]

  /// The families whose figures are added up, by the name that they have there.
  static let byField = Dictionary(uniqueKeysWithValues: all.filter { !$0.isGauge }.map { ($0.field, $0) })
}
