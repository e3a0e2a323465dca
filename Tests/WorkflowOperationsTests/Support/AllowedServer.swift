import Curl
import ExactJSON
import ModelServer
import Workflow
import WorkflowOperations

/// A server on this machine that `http_request` may reach.
struct AllowedServer {
  let server: ModelServer
  let operation: SendHTTPRequest
  var url: String { "http://127.0.0.1:\(server.port)" }

  /// What the operation has told the operator.
  let log = FailureLog()

  /// - Parameters:
  ///   - others: further entries of `WF_HTTP_ALLOW`.
  ///   - blocks: what of the addresses that are not public may be reached.
  init(others: [String] = [], blocks: [String] = ["127.0.0.0/8"], timeout: Duration = .seconds(20)) throws {
    server = try ModelServer()
    let hosts = ["127.0.0.1:\(server.port)"] + others
    let access = HTTPAccess(
      hosts: hosts.compactMap(HTTPHostPattern.init), privateBlocks: blocks.compactMap(IPAddressBlock.init))
    operation = SendHTTPRequest(
      client: SendHTTPRequest.client(access, userAgent: "wf/test"), access: access, timeout: timeout,
      log: { [log] in log.add($0, $1, $2) })
  }

  /// The outputs of a request to a path.
  func outputs(_ path: String = "/", _ params: JSONObject = [:]) async throws -> JSONObject {
    var params = params
    params["url"] = .string(url + path)
    return try await operation.outputs(params)
  }
}
