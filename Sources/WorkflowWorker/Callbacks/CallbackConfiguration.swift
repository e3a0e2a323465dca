public import Curl
public import WorkflowOperations

/// What a worker needs to send callbacks.
public struct CallbackConfiguration: Sendable {
  /// Sends the requests, to allowed addresses only (``CallbackAccess/client(authoritiesFile:userAgent:)``).
  let client: HTTPClient
  /// What they are signed with.
  let secrets: CallbackSecrets
  /// Where they may go.
  let access: CallbackAccess
  /// What an attempt may take.
  let timeout: Duration
  /// What the path of a status is put behind; may be empty.
  let site: String

  /// What a worker needs.
  public init(
    client: HTTPClient, secrets: CallbackSecrets, access: CallbackAccess, timeout: Duration = .seconds(15),
    site: String = ""
  ) {
    self.client = client
    self.secrets = secrets
    self.access = access
    self.timeout = timeout
    self.site = site.hasSuffix("/") ? String(site.dropLast()) : site
  }

  /// Ends the client's thread.
  public func close() { client.close() }

  /// What name lookup, TCP and TLS may take together.
  var connectTimeout: Duration { min(.seconds(10), timeout) }
}
