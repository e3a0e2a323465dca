import Hiredis
import WorkflowStore

/// Where Redis is, and what is kept there.
extension Settings {
  /// The address of Redis with its logins; nil when it cannot be read.
  static func redis(_ reader: inout SettingsReader) -> RedisAddress? {
    let text = reader.text("REDIS_URL", default: "redis://127.0.0.1:6379/0") ?? ""
    let passwordFile = reader.text("REDIS_PASSWORD_FILE")
    let sentinelLogin = sentinelLogin(&reader)
    do {
      var address = try RedisAddress(text)
      let hasPassword = address.password != nil
      if hasPassword, passwordFile != nil {
        reader.refuse(
          "REDIS_PASSWORD_FILE", "REDIS_URL has a password and REDIS_PASSWORD_FILE is set: keep one of them")
      }
      address.passwordFile = passwordFile ?? (hasPassword ? nil : reader.credential("redis_password"))
      address.sentinelLogin = sentinelLogin
      reader.show("REDIS_URL", as: "\(address)")
      return address
    } catch {
      reader.show("REDIS_URL", as: "(invalid)")
      reader.refuse("REDIS_URL", "REDIS_URL\(reader.place(of: "REDIS_URL")): \(error)")
      return nil
    }
  }

  /// The login at sentinels, which is used with a redis+sentinel address only.
  private static func sentinelLogin(_ reader: inout SettingsReader) -> RedisAddress.Login {
    let login = RedisAddress.Login(
      user: reader.text("REDIS_SENTINEL_USERNAME"),
      password: reader.text("REDIS_SENTINEL_PASSWORD", isSecret: true),
      passwordFile: reader.text("REDIS_SENTINEL_PASSWORD_FILE"))
    if login.password != nil, login.passwordFile != nil {
      reader.refuse(
        "REDIS_SENTINEL_PASSWORD",
        "REDIS_SENTINEL_PASSWORD and REDIS_SENTINEL_PASSWORD_FILE are both set: keep one of them")
    }
    if login.user != nil, login.password == nil, login.passwordFile == nil {
      reader.refuse(
        "REDIS_SENTINEL_USERNAME",
        "REDIS_SENTINEL_USERNAME is set without a password: set REDIS_SENTINEL_PASSWORD or REDIS_SENTINEL_PASSWORD_FILE"
      )
    }
    return login
  }

  /// How long things are kept, how much of them, and how safely.
  static func limits(_ reader: inout SettingsReader) -> RunStore.Limits {
    var limits = RunStore.Limits(
      retain: reader.integer("WF_RETAIN_S", default: 604_800, in: 1...31_536_000),
      storeItems: reader.integer("WF_STORE_MAX_ITEMS", default: 10_000, in: 1...10_000_000))
    limits.replicas = reader.integer("WF_WAIT_REPLICAS", default: 0, in: 0...16)
    return limits
  }
}
