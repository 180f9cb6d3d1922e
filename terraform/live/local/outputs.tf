output "pricestream" {
  description = "Where everything is: API, bus, tables, queues, topics, functions, dashboard."
  value       = module.pricestream
}
