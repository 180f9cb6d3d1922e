variable "settings" {
  description = <<-EOT
    What differs between environments.
    `stage` names the environment and everything in it. `architectures` is that of the zips.
    `network`, `cache.url`, `encryption.enabled` and `budget` are what an emulator goes without: there, the functions run outside of a
    VPC and use the cache at the given URL, with the password in it if there is one.
    `functions` changes single values of single functions.
  EOT
  type = object({
    stage         = string
    architectures = optional(list(string), ["arm64"])
    network = optional(object({
      enabled = optional(bool, true)
      cidr    = optional(string, "10.40.0.0/20")
      zones   = optional(number, 2)
    }), {})
    cache = optional(object({
      url       = optional(string)
      node_type = optional(string, "cache.t4g.small")
      nodes     = optional(number, 2)
    }), {})
    encryption = optional(object({
      enabled              = optional(bool, true)
      deletion_window_days = optional(number, 30)
    }), {})
    tables = optional(object({
      point_in_time_recovery = optional(bool, true)
      deletion_protection    = optional(bool, true)
    }), {})
    functions = optional(map(object({
      memory_size          = optional(number)
      timeout              = optional(number)
      reserved_concurrency = optional(number)
      maximum_concurrency  = optional(number)
    })), {})
    logs = optional(object({
      filter         = optional(string, "info")
      retention_days = optional(number, 30)
    }), {})
    tracing = optional(object({
      mode          = optional(string, "Active")
      otlp_endpoint = optional(string)
    }), {})
    api = optional(object({
      rate         = optional(number, 1000)
      burst        = optional(number, 2000)
      cors_origins = optional(set(string), [])
    }), {})
    events = optional(object({
      archive_days = optional(number, 7)
    }), {})
    alerts = optional(object({
      subscriptions = optional(map(object({ protocol = string, endpoint = string })), {})
    }), {})
    alarms = optional(object({
      runbooks   = optional(string, "docs/runbooks")
      by_service = optional(bool, true)
      page       = optional(set(string), [])
      ticket     = optional(set(string), [])
    }), {})
    budget = optional(object({ monthly_usd = number, emails = set(string) }))
  })
  nullable = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,11}$", var.settings.stage))
    error_message = "A stage is named with 2 to 12 lower-case letters and digits, a letter first."
  }
  validation {
    condition     = var.settings.network.enabled || var.settings.cache.url != null
    error_message = "Without a network there is no place for a cache: give the URL of one."
  }
  validation {
    condition     = var.settings.cache.url == null || can(regex("^rediss?://", var.settings.cache.url))
    error_message = "A cache is at a redis:// or rediss:// URL."
  }
  validation {
    condition     = length(setsubtract(keys(var.settings.functions), keys(local.functions_as_built))) == 0
    error_message = "There is no function of this name."
  }
  validation {
    condition     = var.settings.encryption.deletion_window_days >= 7 && var.settings.encryption.deletion_window_days <= 30
    error_message = "A deleted key can be had back for 7 to 30 days."
  }
  validation {
    condition     = var.settings.tracing.otlp_endpoint == null || can(regex("^https?://", var.settings.tracing.otlp_endpoint))
    error_message = "Traces are exported to an http:// or https:// URL."
  }
  validation {
    condition     = var.settings.stage != "prod" || (var.settings.tables.point_in_time_recovery && var.settings.tables.deletion_protection)
    error_message = "Tables of production can be restored and are protected from deletion."
  }
  validation {
    condition     = var.settings.stage != "prod" || (var.settings.network.enabled && var.settings.cache.url == null && var.settings.cache.nodes >= 2)
    error_message = "The cache of production is its own, in a private network, with a replica that takes over."
  }
  validation {
    condition     = var.settings.stage != "prod" || var.settings.encryption.enabled
    error_message = "Production encrypts with its own keys."
  }
  validation {
    condition     = var.settings.stage != "prod" || (length(var.settings.alarms.page) > 0 && var.settings.budget != null)
    error_message = "Production has somebody to page, and a budget."
  }
}

variable "zips" {
  description = "Directory that holds `<function>/bootstrap.zip` for each function."
  type        = string
  nullable    = false
  validation {
    condition     = length(setsubtract([for name in keys(local.functions_as_built) : "${name}/bootstrap.zip"], fileset(var.zips, "*/bootstrap.zip"))) == 0
    error_message = "A function has no bootstrap.zip in this directory: build the functions first."
  }
}

variable "tokens" {
  description = <<-EOT
    SHA-256, in hexadecimal, of the bearer tokens for administration and for stock changes. The tokens themselves are never here.
    Without the first, administration is closed; without the second, stock changes need no token.
  EOT
  type = object({
    admin_sha256  = optional(string)
    ingest_sha256 = optional(string)
  })
  nullable = false
  default  = {}
  validation {
    condition     = alltrue([for hash in values(var.tokens) : hash == null || can(regex("^[0-9a-f]{64}$", hash))])
    error_message = "A token's SHA-256 has 64 lower-case hexadecimal digits: printf %s \"$TOKEN\" | sha256sum."
  }
  validation {
    condition     = var.settings.stage != "prod" || (var.tokens.admin_sha256 != null && var.tokens.ingest_sha256 != null)
    error_message = "Production has tokens for administration and for stock changes."
  }
}
