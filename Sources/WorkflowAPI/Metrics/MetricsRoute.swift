import ExactJSON
import FastCGI
import LinuxSupport
import Metrics
import WorkflowStore

/// `GET /status/metrics`: figures for Prometheus, in its text format or in OpenMetrics.
struct MetricsRoute: Route {
  static let path = "/status/metrics"

  let method = "GET"
  let pattern = ["status", "metrics"]
  let collector: MetricsCollector

  var documentation: RouteDocumentation {
    RouteDocumentation(
      id: "getMetrics", summary: "Figures for Prometheus",
      description: """
        The text format of Prometheus; with `Accept: application/openmetrics-text` OpenMetrics 1.0. With keys for the role \
        admin, and for the addresses in `WF_METRICS_ALLOW`.
        """,
      answers: [
        .init(
          status: 200,
          meaning:
            "The figures, those of all processes together. Without Redis `wf_redis_up` is 0, and no others are there.",
          content: ("text/plain", ["type": "string"]), others: ["application/openmetrics-text"])
      ])
  }

  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    guard context.scope == nil else {
      throw .forbidden(
        "the metrics are those of all names; they need the role admin, or an address in WF_METRICS_ALLOW")
    }
    let figures: MetricFigures
    do { figures = try await collector.figures() } catch { throw APIError(reading: error) }
    let format = ExpositionFormat(accept: request.headers("Accept"))
    // Thousands of lines take longer than the thread of a connection has.
    let text = await withTaskExecutorPreference(globalConcurrentExecutor) { [figures] in figures.text(format) }
    return FastCGIResponse(
      status: 200,
      headers: [
        (name: "Content-Type", value: format.contentType), (name: "Cache-Control", value: "no-store"),
        (name: "Vary", value: "Accept"),
      ], body: .bytes(text))
  }
}
