module "pricestream" {
  source = "../../stacks/pricestream"
  zips   = var.zips
  tokens = var.tokens
  settings = {
    stage         = "local"
    architectures = ["x86_64"]
    network       = { enabled = false }
    cache         = { url = var.cache_url }
    encryption    = { enabled = false }
    tables        = { deletion_protection = false, point_in_time_recovery = false }
    logs          = { filter = var.log_filter, retention_days = 1 }
    tracing       = { mode = "PassThrough", otlp_endpoint = var.otlp_endpoint }
    events        = { archive_days = 1 }
    # The emulator forgets half of what an alarm over alarms is told, so that each plan would make them anew.
    alarms = { by_service = false }
  }
}
