output "id" {
  description = "Id of the API, as metrics know it."
  value       = aws_apigatewayv2_api.this.id
}

output "url" {
  description = "Where the API answers."
  value       = aws_apigatewayv2_api.this.api_endpoint
}
