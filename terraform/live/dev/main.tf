module "pricestream" {
  source = "../../stacks/pricestream"
  zips   = var.zips
  tokens = var.tokens
  settings = {
    stage         = "dev"
    architectures = var.architectures
    cache         = { node_type = "cache.t4g.micro", nodes = 1 }
    tables        = { deletion_protection = false, point_in_time_recovery = false }
    encryption    = { deletion_window_days = 7 }
    logs          = { filter = "debug", retention_days = 7 }
    events        = { archive_days = 1 }
  }
}
